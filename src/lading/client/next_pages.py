"""Next page of a list, as the header `Link` of a page names it (RFC 8288)."""

import re

_LINK = re.compile(r'<([^>]*)>((?:[^,"<]|"[^"]*")*)')
_PARAMETER = re.compile(r';\s*([a-z*]+)\s*=\s*(?:"([^"]*)"|([^\s;"]*))')
# No address is longer.
_MOST_LENGTH = 16 * 1024


def next_page(link: str) -> str:
    """The target of the link to the next page, which may stand among others; empty if none does."""
    for target, parameters in _LINK.findall(link[:_MOST_LENGTH]):
        found = _PARAMETER.findall(parameters.lower())
        if any(
            name == "rel" and "next" in f"{quoted} {bare}".split() for name, quoted, bare in found
        ):
            return str(target).strip()
    return ""

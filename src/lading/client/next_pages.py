"""Next page of a list, as the header `Link` of a page names it (RFC 8288)."""

import re

_LINK = r'<([^<>]*)>((?:[^,"<]|"[^"]*")*)'
_PARAMETER = r';\s*([a-z*]+)\s*=\s*(?:"([^"]*)"|([^\s;"]*))'
# No address is longer.
_MOST_LENGTH = 16 * 1024


def next_page(link: str) -> str:
    """The target of the link to the next page, which may stand among others; empty if none does."""
    for target, parameters in re.findall(_LINK, link[:_MOST_LENGTH]):
        for name, quoted, bare in re.findall(_PARAMETER, parameters.lower()):
            if name == "rel" and "next" in f"{quoted} {bare}".split():
                return str(target).strip()
    return ""

"""Headers of an answer, and two that lead on: how to log in, and the next page of a list."""

import re
from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

# WWW-Authenticate (RFC 9110, 11.6.1).
_CHALLENGE_PARAMETER = r'([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))'
_SCHEME = r"(?:^|,)\s*([A-Za-z]+)(?=\s+[A-Za-z0-9_-]+\s*=|\s*(?:,|$))"
# What is longer makes those who look for names in it slow; nobody's is.
_MOST_CHALLENGE = 4096
_MOST_CHALLENGES = 8
# Link (RFC 8288).
_LINK = r'<([^<>]*)>((?:[^,"<]|"[^"]*")*)'
_LINK_PARAMETER = r';\s*([a-z*]+)\s*=\s*(?:"([^"]*)"|([^\s;"]*))'
# No address is longer.
_MOST_LINK = 16 * 1024


class Headers:
    """Headers of an answer, in their order; names in any case."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs

    def __contains__(self, name: str) -> bool:
        return bool(self.getlist(name))

    def get(self, name: str, default: str = "", /) -> str:
        """The value of a name, all of them with commas between if there are several."""
        return ", ".join(found) if (found := self.getlist(name)) else default

    def getlist(self, name: str, /) -> list[str]:
        """The values of a name, one for each line."""
        wanted = name.lower()
        return [value for own, value in self._pairs if own.lower() == wanted]

    def items(self) -> list[tuple[str, str]]:
        """The names and their values, line by line."""
        return self._pairs


class AskedLogin(NamedTuple):
    """A way to log in: a scheme, as `bearer`, with its `realm`, its `service` and the like."""

    scheme: str
    parameters: dict[str, str]


def parse_challenges(values: Iterable[str]) -> list[AskedLogin]:
    """All ways to log in that an answer's headers name, in their order, as far as is sensible."""
    sensible = (value[:_MOST_CHALLENGE] for value in islice(values, _MOST_CHALLENGES))
    return [found for value in sensible for found in _parse(value)]


def _parse(value: str) -> list[AskedLogin]:
    # Within quotes nothing is a scheme.
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', lambda match: "_" * len(match[0]), value)
    found = list(re.finditer(_SCHEME, bare))
    ends = [*(match.start() for match in found), len(value)][1:]
    return [
        AskedLogin(match[1].lower(), _parameters(value[match.end() : end]))
        for match, end in zip(found, ends, strict=True)
    ]


def _parameters(text: str) -> dict[str, str]:
    return {
        name.lower(): re.sub(r"\\(.)", r"\1", quoted) if quoted or not bare else bare
        for name, quoted, bare in re.findall(_CHALLENGE_PARAMETER, text)
    }


def next_page(link: str) -> str:
    """The target of the link to the next page, which may stand among others; empty if none does."""
    for target, parameters in re.findall(_LINK, link[:_MOST_LINK]):
        for name, quoted, bare in re.findall(_LINK_PARAMETER, parameters.lower()):
            if name == "rel" and "next" in f"{quoted} {bare}".split():
                return str(target).strip()
    return ""

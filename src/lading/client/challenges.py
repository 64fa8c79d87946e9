"""Challenges that a registry answers with 401: `WWW-Authenticate` (RFC 9110, 11.6.1)."""

import re
from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

_PARAMETER = r'([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))'
_SCHEME = r"(?:^|,)\s*([A-Za-z]+)(?=\s+[A-Za-z0-9_-]+\s*=|\s*(?:,|$))"

# What is longer makes those who look for names in it slow; nobody's is.
_MOST_LENGTH = 4096
_MOST_HEADERS = 8


class AskedLogin(NamedTuple):
    """A way to log in: a scheme, as `bearer`, with its `realm`, its `service` and the like."""

    scheme: str
    parameters: dict[str, str]


def parse_challenges(values: Iterable[str]) -> list[AskedLogin]:
    """All ways to log in that an answer's headers name, in their order, as far as is sensible."""
    sensible = (value[:_MOST_LENGTH] for value in islice(values, _MOST_HEADERS))
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
        for name, quoted, bare in re.findall(_PARAMETER, text)
    }

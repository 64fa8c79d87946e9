"""Challenges that a registry answers with 401: `WWW-Authenticate` (RFC 9110, 11.6.1)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_PARAMETER = re.compile(r'([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_SCHEME = re.compile(r"(?:^|,)\s*([A-Za-z]+)(?=\s+[A-Za-z0-9_-]+\s*=|\s*(?:,|$))")


@dataclass(frozen=True, slots=True)
class AskedLogin:
    """A way to log in that a registry takes.

    Attributes:
        scheme: `basic` or `bearer`, or another one.
        parameters: such as `realm`, `service` and `scope`.
    """

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)


def parse_challenges(values: Iterable[str]) -> list[AskedLogin]:
    """All ways to log in that an answer's headers name, in their order."""
    return [found for value in values for found in _parse(value)]


def _parse(value: str) -> list[AskedLogin]:
    # Within quotes nothing is a scheme.
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', lambda match: "_" * len(match[0]), value)
    starts = [(match[1].lower(), match.end()) for match in _SCHEME.finditer(bare)]
    ends = [*(match.start() for match in list(_SCHEME.finditer(bare))[1:]), len(value)]
    return [
        AskedLogin(scheme, _parameters(value[start:end]))
        for (scheme, start), end in zip(starts, ends, strict=True)
    ]


def _parameters(text: str) -> dict[str, str]:
    return {
        name.lower(): re.sub(r"\\(.)", r"\1", quoted) if quoted or not bare else bare
        for name, quoted, bare in _PARAMETER.findall(text)
    }

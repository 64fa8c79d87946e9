"""Which repositories a rule is about: `team/app`, `team/*`, `team/**`, `**`.

`*` stands for any characters within one part of a name, `**` (only as the last part) for one or
more whole parts. Matching takes time linear in the name, whatever the pattern.
"""

import re
from dataclasses import dataclass, field
from typing import Self

from lading.core.names import MAX_NAME_LENGTH

_PART = re.compile(r"[a-z0-9._*-]+", re.ASCII)
_ANY_PARTS = "**"


class PatternInvalid(ValueError):
    """Not a pattern; the message says what one looks like."""


@dataclass(frozen=True, slots=True)
class RepositoryPattern:
    """A set of repositories.

    Attributes:
        text: as it was written.
        prefix: what every name in it starts with; for a plain name the name itself.
    """

    text: str
    prefix: str
    _regex: re.Pattern[str] | None = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a pattern.

        Raises:
            PatternInvalid: it is none.
        """
        *parents, last = text.split("/")
        parts = parents if last == _ANY_PARTS else [*parents, last]
        if len(text) > MAX_NAME_LENGTH or not all(_is_part(part) for part in parts):
            raise PatternInvalid(
                "write a repository, or a pattern such as `team/*` (one more part), `team/**`"
                " (everything below `team/`) or `**` (everything)"
            )
        prefix, star, _ = text.partition("*")
        return cls(text, prefix, re.compile(_regex(parts, last)) if star else None)

    def matches(self, name: str) -> bool:
        """Whether a repository is in the set."""
        return name == self.text if self._regex is None else bool(self._regex.fullmatch(name))


def _is_part(part: str) -> bool:
    return _PART.fullmatch(part) is not None and _ANY_PARTS not in part


def _regex(parts: list[str], last: str) -> str:
    expression = "/".join(_part_regex(part) for part in parts)
    if last == _ANY_PARTS:
        expression += "/.+" if parts else ".+"
    return expression


def _part_regex(part: str) -> str:
    """Each star but the last takes as little as it can and never gives back (`(?>…)`).

    That finds a match if there is one, and keeps the work linear.
    """
    first, *others = (re.escape(piece) for piece in part.split("*"))
    if not others:
        return first
    *middle, end = others
    return first + "".join(f"(?>[^/]*?{piece})" for piece in middle) + f"[^/]*{end}"


EVERYTHING = RepositoryPattern.parse(_ANY_PARTS)

"""Patterns for names of repositories and of tags, as an operator writes them.

The parts of a name, between `/`, are matched one by one: no pattern takes longer than the product
of its length and the name's, whatever stands in it.
"""

import fnmatch
import re
from typing import ClassVar, Self

_ANY_PARTS = "**"
_SIGN = re.compile(r"[*?\[]")
_NOTHING = re.compile(r"(?!)")


class Glob(str):
    """A pattern, such as `team/**` or `v[0-9]*`.

    `*` stands for any characters of one part, `?` for one of them, `[a-z]` for one of these,
    `[!a-z]` for one of all others. A part that is `**` stands for any number of parts; at the end,
    for at least one: `team/**` is everything below `team`, not `team` itself.

    Attributes:
        allowed: what a part may be: what names are made of, and the signs that stand for it.
        takes_all: whether it is `**` after its prefix, as most rules are: every name that starts
            with that, and goes on, matches.

    Raises:
        ValueError: the text is no such pattern; the message says what to write.
    """

    allowed: ClassVar[re.Pattern[str]] = re.compile(r"[A-Za-z0-9._\-*?\[\]!]+", re.ASCII)

    def __new__(cls, text: str) -> Self:
        """Check the text."""
        for part in text.split("/"):
            if cls.allowed.fullmatch(part) is None:
                raise ValueError("write a pattern for names, as in `team/**` or `v*`")
            if _ANY_PARTS in part and part != _ANY_PARTS:
                raise ValueError(
                    "write `**` between slashes, as in `team/**`, or `*` within a part"
                )
        return str.__new__(cls, text)

    def __init__(self, text: str) -> None:
        self._plain = _SIGN.search(text) is None
        self.takes_all = self == self.prefix + _ANY_PARTS
        parts = [] if self._plain else text.split("/")
        if parts[-1:] == [_ANY_PARTS]:
            parts.insert(-1, "*")
        self._parts = [
            None if part == _ANY_PARTS else re.compile(fnmatch.translate(part)) for part in parts
        ]

    @property
    def prefix(self) -> str:
        """The beginning of every name that it matches."""
        return _SIGN.split(self, maxsplit=1)[0]

    def matches(self, name: str) -> bool:
        """Whether the whole name is what the pattern describes."""
        if self._plain:
            return name == self
        if self.takes_all:
            return name.startswith(self[:-2]) and len(name) > len(self) - 2
        names = name.split("/")
        at = reached = 0
        # The last `**`, and how far it reaches: the only choice that may have to be made again.
        star: int | None = None
        star_reaches = 0
        while reached < len(names):
            part = self._parts[at] if at < len(self._parts) else _NOTHING
            if part is None:
                star, star_reaches = at, reached
                at += 1
            elif part.match(names[reached]):
                at += 1
                reached += 1
            elif star is not None:
                star_reaches += 1
                at, reached = star + 1, star_reaches
            else:
                return False
        return all(part is None for part in self._parts[at:])


EVERYTHING = Glob(_ANY_PARTS)

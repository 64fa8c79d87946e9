"""Statements in the words of psycopg: its marks of parameters instead of `?` and `:name`."""

import re
from functools import lru_cache

# Statements that are kept: there are some hundred in all, and lists of marks of some lengths.
_KEPT = 2000
# A mark, a percent sign, or what holds such a sign and is none: a literal, a cast, a comment.
_PART = re.compile(r"'[^']*'|--[^\n]*|::|:(?P<name>[a-z_]\w*)|(?P<mark>\?)|%")


@lru_cache(_KEPT)
def translate(statement: str) -> bytes:
    """A statement that is run with parameters, as psycopg takes it."""
    return _PART.sub(_part, statement).encode()


def _part(match: re.Match[str]) -> str:
    if match["mark"]:
        return "%s"
    if match["name"]:
        return f"%({match['name']})s"
    return match[0].replace("%", "%%")

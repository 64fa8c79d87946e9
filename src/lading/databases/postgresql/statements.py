"""Statements in the words of psycopg and PostgreSQL.

* Marks of parameters are `%s` and `%(name)s`, instead of `?` and `:name`.
* What stands in a comment `/*! … */` is for databases in which several write at once: they lock
  rows. SQLite skips it.
* `json_each(…)`, of an object of names, is SQLite's: its columns are `key` and `value`.
"""

import re
from functools import lru_cache

# Statements that are kept: there are some hundred in all, and lists of marks of some lengths.
_KEPT = 2000
# A mark, a percent sign, or what holds such a sign and is none: a literal, a cast, a comment.
_PART = re.compile(r"'[^']*'|--[^\n]*|::|:(?P<name>[a-z_]\w*)|(?P<mark>\?)|%")
_HERE_ONLY = re.compile(r"/\*!(.*?)\*/", re.DOTALL)
_JSON_EACH = re.compile(r"\bjson_each\(([^()]*)\)")


@lru_cache(_KEPT)
def translate(statement: str) -> bytes:
    """A statement that is run with parameters, as psycopg takes it."""
    statement = _HERE_ONLY.sub(r"\1", statement)
    statement = _JSON_EACH.sub(r"json_each_text(CAST(\1 AS json))", statement)
    return _PART.sub(_part, statement).encode()


def _part(match: re.Match[str]) -> str:
    if match["mark"]:
        return "%s"
    if match["name"]:
        return f"%({match['name']})s"
    return match[0].replace("%", "%%")

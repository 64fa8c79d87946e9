"""Statements in the words of PostgreSQL.

* Marks of parameters are `$1`, `$2`, … instead of `?` and `:name`.
* What stands in a comment `/*! … */` is for databases in which several write at once: they lock
  rows. SQLite skips it.
* `json_each(…)`, of an object of names, is SQLite's: its columns are `key` and `value`.

Those that come often are planned once, under names. PgBouncer in transaction mode has the
statements of one client run on connections that others have used. Before its version 1.21 it knows
nothing of those that were prepared: one that is asked for by its name is not there, or is somebody
else's. So no name is used by two connections, and the first that is not there ends it.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from psycopg import errors

from lading.ports.database import Parameters

log = logging.getLogger(__name__)

# Statements that are kept: there are some hundred in all, and lists of marks of some lengths.
_KEPT = 2000
# A mark, or what holds such a sign and is none: a literal, a cast, a comment.
_PART = re.compile(r"'[^']*'|--[^\n]*|::|:(?P<name>[a-z_]\w*)|(?P<mark>\?)")
_HERE_ONLY = re.compile(r"/\*!(.*?)\*/", re.DOTALL)
_JSON_EACH = re.compile(r"\bjson_each\(([^()]*)\)")
_UNPREPARED = (errors.InvalidSqlStatementName, errors.DuplicatePreparedStatement)


class Statement(NamedTuple):
    """A statement as PostgreSQL takes it, and the names of its parameters by their numbers."""

    text: bytes
    names: Sequence[str]

    def values(self, parameters: Parameters) -> Sequence[Any]:
        """The values of its parameters, in the order of their numbers."""
        if isinstance(parameters, Mapping):
            return [parameters[name] for name in self.names]
        return parameters


class Merged(NamedTuple):
    """Several statements as one, in the words of all databases, and which return a column."""

    text: str
    returning: Sequence[str]


@lru_cache(_KEPT)
def merge(statements: Sequence[tuple[str, str]]) -> Merged:
    """One statement that does what several do, and returns arrays of what they return."""
    parts, returning = [], []
    for name, statement in statements:
        returns = "RETURNING" in statement or statement.lstrip().startswith("SELECT")
        parts.append(f"{name}{' (value)' if returns else ''} AS ({statement})")
        if returns:
            returning.append(name)
    arrays = ", ".join(f"(SELECT array_agg(value) FROM {name})" for name in returning)
    return Merged(f"WITH {', '.join(parts)} SELECT {arrays}", returning)


@lru_cache(_KEPT)
def translate(statement: str) -> Statement:
    """A statement of ours, as PostgreSQL takes it."""
    statement = _HERE_ONLY.sub(r"\1", statement)
    statement = _JSON_EACH.sub(r"json_each_text(CAST(\1 AS json))", statement)
    numbers: dict[str, int] = {}

    def part(match: re.Match[str]) -> str:
        name = match["name"] or (match["mark"] and f"?{len(numbers)}")
        return f"${numbers.setdefault(name, len(numbers) + 1)}" if name else match[0]

    text = _PART.sub(part, statement)
    return Statement(text.encode(), [name for name in numbers if not name.startswith("?")])


@dataclass(slots=True)
class Preparing:
    """Whether connections to a server prepare statements."""

    is_on: bool = True

    def give_up_after(self, error: BaseException) -> bool:
        """Whether a statement was not there that was prepared; then nobody prepares any more."""
        if not isinstance(error, _UNPREPARED):
            return False
        if self.is_on:
            log.warning(
                "what lies before PostgreSQL knows no prepared statements, as PgBouncer before its"
                " version 1.21: none are prepared any more; say so from the start"
                " (database.postgresql.preparedstatements: false)"
            )
        self.is_on = False
        return True

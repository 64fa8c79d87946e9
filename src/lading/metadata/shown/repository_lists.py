"""Lists of repositories as people look through them: with their figures, in folders, by search.

A list reads as many rows as it gives, for each prefix that names may begin with, or walks along
names in an index, if that has its order. Where words are looked for, or some names in another order
than theirs, it may read all; see `is_short`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lading.core.names import RepositoryName
from lading.metadata.shown import columns
from lading.ports.database import SqlConnection

_MOST_ID = 2**62
_FIRST = float(_MOST_ID)
# What a part of a name is made of.
_SIGNS = "abcdefghijklmnopqrstuvwxyz0123456789._-"

_WHERE = "repositories.pushed_at IS NOT NULL AND ({inside})"
_COLUMNS = (
    "name, id, size, tags, coalesce(figures.pushed_at, repositories.pushed_at), counted_at, recount"
)
# One for each prefix, so that none is read further than the list is long.
_BY_NAME = f"""
    SELECT * FROM (
        SELECT {_COLUMNS} FROM repositories LEFT JOIN figures ON repository_id = id
        WHERE {_WHERE} AND name > :after AND name LIKE :words ESCAPE '!'
        ORDER BY name LIMIT :limit) AS part
"""
# What was never counted comes first, as it is new, the last one first.
_BY_FIGURE = """
    SELECT * FROM (
        SELECT {columns} FROM repositories LEFT JOIN figures ON repository_id = id
        WHERE :is_new = 1 AND id < :id AND recount > 0 AND counted_at IS NULL AND {where}
            AND name LIKE :words ESCAPE '!'
        ORDER BY id DESC LIMIT :limit) AS first
    UNION ALL
    SELECT * FROM (
        SELECT {columns} FROM figures JOIN repositories ON id = repository_id
        WHERE (figures.{figure}, repository_id) < (:figure, :id)
            AND {where} AND name LIKE :words ESCAPE '!'
        ORDER BY figures.{figure} DESC, repository_id DESC LIMIT :limit) AS next
"""
# From one part of a name to the next: `/` is followed by `0`, and no sign of a name is before `-`.
_FOLDERS = """
    WITH RECURSIVE here (name) AS (
        SELECT min(name) FROM repositories
        WHERE pushed_at IS NOT NULL AND name >= :prefix AND name < :end
        UNION ALL
        SELECT (SELECT min(next.name) FROM repositories AS next
            WHERE pushed_at IS NOT NULL AND next.name < :end AND next.name >= CASE
                WHEN ltrim(substr(here.name, CAST(:start AS INT)), :signs) = ''
                THEN here.name || ' '
                ELSE substr(here.name, 1, length(here.name)
                    - length(ltrim(substr(here.name, CAST(:start AS INT)), :signs))) || '0' END)
        FROM here WHERE here.name IS NOT NULL
    )
    SELECT rest FROM (
        SELECT substr(name, CAST(:start AS INT)) AS rest FROM here LIMIT :limit) AS found
    WHERE ltrim(rest, :signs) <> ''
"""


class ListOrder(StrEnum):
    """The orders of a list of repositories."""

    NAME = "name"
    PUSHED = "pushed"
    SIZE = "size"


@dataclass(frozen=True, slots=True)
class ListedRepository:
    """A repository in a list.

    Attributes:
        id: of its row.
        size: bytes of its blobs, each counted once; `None` until they were counted, as the count
            of its tags is.
        pushed_at: when something was pushed to it last, as far as that was counted.
        recount: 0 as long as nothing has changed since.
    """

    name: RepositoryName
    id: int
    size: int | None
    tags: int | None
    pushed_at: float
    counted_at: float | None
    recount: int = 0

    def place(self, order: ListOrder) -> str:
        """Where it is in a list of this order: what comes after it is asked for by this."""
        if order is ListOrder.NAME:
            return self.name
        if self.counted_at is None:
            return f"{_FIRST!r}:{self.id}"
        return f"{self.size or 0 if order is ListOrder.SIZE else self.pushed_at!r}:{self.id}"


def is_short(order: ListOrder, within: Sequence[str], words: str) -> bool:
    """Whether a list reads no more rows than it gives: then it is a short read."""
    return not words and (order is ListOrder.NAME or "" in within)


def listed(
    connection: SqlConnection,
    *,
    order: ListOrder,
    within: Sequence[str],
    words: str,
    after: str,
    limit: int,
) -> Sequence[ListedRepository]:
    """Repositories whose names begin with a prefix and hold `words`.

    Args:
        within: the prefixes, in order; none begins with another, and there are few of them.
        after: the place after which to start (`ListedRepository.place`); empty for the first.
    """
    values: dict[str, object] = {
        **columns.bounds(within),
        "words": columns.containing(words),
        "limit": limit,
    }
    if order is ListOrder.NAME:
        parts = [
            _BY_NAME.format(inside=columns.inside("name", [prefix], number))
            for number, prefix in enumerate(within)
        ]
        found = _rows(connection, "UNION ALL".join(parts), values | {"after": after})
        return sorted(found, key=lambda item: item.name)[:limit]
    figure = "size" if order is ListOrder.SIZE else "pushed_at"
    where = _WHERE.format(inside=columns.inside("name", within))
    statement = _BY_FIGURE.format(columns=_COLUMNS, figure=figure, where=where)
    at, id_ = _parse(after)
    values |= {"figure": at, "id": id_, "is_new": int(at >= _FIRST)}
    # Databases keep the order of such a union, and none promises it.
    found = sorted(_rows(connection, statement, values), key=lambda item: _rank(item, order))
    return found[:limit]


def _rank(item: ListedRepository, order: ListOrder) -> tuple[bool, float, int]:
    figure = item.size if order is ListOrder.SIZE else item.pushed_at
    return item.counted_at is not None, -(figure or 0), -item.id


def folders(connection: SqlConnection, *, prefix: str, limit: int) -> Sequence[str]:
    """The folders right below a prefix with `/` at its end, of so many names that are looked at."""
    values = {"prefix": prefix, "end": prefix + columns.LAST, "start": len(prefix) + 1}
    rows = connection.execute(_FOLDERS, values | {"signs": _SIGNS, "limit": limit})
    return [rest.partition("/")[0] for (rest,) in rows]


def _rows(
    connection: SqlConnection, statement: str, values: dict[str, Any]
) -> list[ListedRepository]:
    rows = connection.execute(statement, values).fetchall()
    return [ListedRepository(RepositoryName(name), *rest) for name, *rest in rows]


def _parse(place: str) -> tuple[float, int]:
    """The figure and the id of a place; before the first one if it is none."""
    figure, _, id_ = place.partition(":")
    try:
        at, number = float(figure), int(id_)
    except ValueError:
        return _FIRST, _MOST_ID
    # Anybody may write one, and databases take no greater numbers.
    return _FIRST if math.isnan(at) else at, max(0, min(number, _MOST_ID))

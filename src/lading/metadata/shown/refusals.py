"""Rows of refusals: requests that were refused, and who signed in; the last ones alone."""

from collections.abc import Sequence

from lading.core.history import NotedRefusal
from lading.metadata.noun import reading, writing
from lading.ports.database import Database, SqlConnection

_COLUMNS = "at, what, actor, claimed, repository, reference, address, status, times"
_ADD = f"INSERT INTO refusals ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
# Rows that are kept; some MiB.
MOST_KEPT = 10_000


def add(connection: SqlConnection, refusals: Sequence[NotedRefusal]) -> None:
    """Keep some, in place of the oldest ones if there are many; at most as one write changes."""
    connection.executemany(_ADD, [tuple(each) for each in refusals])
    connection.execute(
        "DELETE FROM refusals WHERE id <= (SELECT max(id) FROM refusals) - ?", (MOST_KEPT,)
    )


def page(
    connection: SqlConnection, *, before: int, limit: int
) -> Sequence[tuple[int, NotedRefusal]]:
    """The last ones before one, by their numbers, the latest first."""
    rows = connection.execute(
        f"SELECT id, {_COLUMNS} FROM refusals WHERE id < ? ORDER BY id DESC LIMIT ?",
        (before, limit),
    ).fetchall()
    return [(number, NotedRefusal(*row)) for number, *row in rows]


class Refusals:
    """Refusals of requests. A power cut may forget some."""

    def __init__(self, database: Database) -> None:
        self.add = writing(database, add, durable=False)
        self.page = reading(database, page)

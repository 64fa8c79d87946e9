"""Rows of right logins: hashes of who was right lately, so that any replica knows them again."""

from collections.abc import Collection, Mapping

from lading.metadata import batches
from lading.metadata.noun import reading, writing
from lading.ports.database import Database, SqlConnection

# Seconds for which none is remembered any more, with a day for clocks: an end that is later was
# written while the clock was ahead, and may be of somebody who has left since.
LONGEST = 8 * 24 * 3600.0


def known(connection: SqlConnection, hashes: Collection[str], *, now: float) -> Mapping[str, float]:
    """The hashes among these that are remembered, each with its end."""
    marks = ", ".join("?" * len(hashes))
    rows = connection.execute(
        f"SELECT hash, ends_at FROM right_logins WHERE hash IN ({marks})"
        " AND ends_at > ? AND ends_at <= ?",
        (*hashes, now, now + LONGEST),
    )
    return dict(rows.fetchall())


def remember(connection: SqlConnection, ends: Mapping[str, float]) -> None:
    """Remember hashes until their ends, in one order for all who do."""
    for hash_, ends_at in sorted(ends.items()):
        connection.execute(
            "INSERT INTO right_logins (hash, ends_at) VALUES (?, ?)"
            " ON CONFLICT (hash) DO UPDATE SET ends_at = excluded.ends_at",
            (hash_, ends_at),
        )


def clear(connection: SqlConnection, *, now: float) -> None:
    """Remove some of those that ended."""
    connection.execute(
        "DELETE FROM right_logins WHERE hash IN"
        " (SELECT hash FROM right_logins WHERE ends_at <= ? OR ends_at > ? LIMIT ?)",
        (now, now + LONGEST, batches.MOST_ROWS),
    )


class RightLogins:
    """Right logins, by keyed hashes; what they are of cannot be told from them.

    A power cut may forget some.
    """

    def __init__(self, database: Database) -> None:
        self.known = reading(database, known)
        self.remember = writing(database, remember, durable=False)
        self.clear = writing(database, clear, durable=False)

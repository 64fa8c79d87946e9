"""Rows of backup holds: while one lasts, no blob is collected, as somebody copies them."""

from dataclasses import dataclass

from lading.metadata.noun import reading, writing
from lading.ports.database import Database, SqlConnection

# Seconds that a hold may last; one that ends later was placed by a clock that was ahead.
LONGEST_HOLD = 31 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class BackupHold:
    """A backup hold, named for a person: until its end no blob is collected, as they are copied."""

    name: str
    until: float


# Where several write at once: a number that nothing else locks.
_LOCK = "SELECT CAST(? AS INTEGER) /*! FROM pg_advisory_xact_lock(1818322279, 2) */"


def lock(connection: SqlConnection) -> None:
    """Lock holds: from here on none is placed while a transaction removes blobs, nor the reverse.

    Else one could be collected after whoever placed the hold has read that it is there.
    """
    connection.execute(_LOCK, (0,))


def place(connection: SqlConnection, hold: BackupHold) -> None:
    """Place a hold: until its end no blob is collected; one of the same name is replaced."""
    lock(connection)
    connection.execute(
        "INSERT INTO holds (name, until) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET until = excluded.until",
        (hold.name, hold.until),
    )


def end(connection: SqlConnection, name: str) -> bool:
    """End a hold; false if there is none of that name."""
    return connection.execute("DELETE FROM holds WHERE name = ?", (name,)).rowcount > 0


def last(connection: SqlConnection, *, now: float) -> BackupHold | None:
    """The backup hold that lasts longest, of those that are not over."""
    row = connection.execute(
        "SELECT name, until FROM holds WHERE until > ? AND until <= ? ORDER BY until DESC LIMIT 1",
        (now, now + LONGEST_HOLD),
    ).fetchone()
    return None if row is None else BackupHold(*row)


class BackupHolds:
    """Backup holds, by their names."""

    def __init__(self, database: Database) -> None:
        self.place = writing(database, place)
        self.end = writing(database, end)
        self.last = reading(database, last)

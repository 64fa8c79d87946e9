"""Bytes that are kept whatever rows say of them: while a backup copies them, or as strangers.

While a *backup hold* lasts, no blob is collected. *Strangers* are bytes that a database never knew,
as it began beside blobs of somebody else, or knows no more, as it was restored from a backup that
is older than some blobs. A note says that there may be such: then what is unknown is no garbage,
unless a person says so.
"""

from dataclasses import dataclass

from lading.core.history import Change
from lading.metadata.moving.migrations import RESTORED
from lading.metadata.noun import reading, writing
from lading.metadata.read_only import find_switch, switch_off, switch_on
from lading.ports.database import Database, SqlConnection

# Seconds that a hold may last; one that ends later was placed by a clock that was ahead.
LONGEST_HOLD = 31 * 24 * 3600.0
_STRANGERS = "strangers"


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


def note_strangers(connection: SqlConnection, change: Change) -> None:
    """Say that there may be such bytes. A database that is restored says so by itself."""
    switch_on(connection, _STRANGERS, change)


def find_strangers(connection: SqlConnection) -> Change | None:
    """Who said that there may be such bytes, and when; `None` if nobody did."""
    return find_switch(connection, _STRANGERS)


def remove_strangers(connection: SqlConnection) -> None:
    """Say that there are none any more: a person knows that what is unknown is garbage."""
    switch_off(connection, _STRANGERS)


def begin_restored(connection: SqlConnection, change: Change) -> None:
    """End what was under way when a restored backup was made; there may be newer blobs.

    Objects that were unused then, or of an upload, may be theirs: a key is reserved before it is
    used; and so may bytes that were being deleted, as those of a blob that was pushed again. They
    are forgotten, and so kept, as all that this database does not know. The database that was
    backed up may be served still: the restored one takes the place of both for itself when it is
    served, so that the other one does not take what is pushed from then on for garbage.
    """
    connection.execute("DELETE FROM holds")
    connection.execute("DELETE FROM jobs")
    connection.execute("DELETE FROM deletions")
    connection.execute(
        "DELETE FROM objects WHERE unused_at IS NOT NULL OR upload IN (SELECT key FROM uploads)"
    )
    connection.execute("DELETE FROM uploads")
    switch_on(connection, RESTORED, change)
    note_strangers(connection, change)


class BackupHolds:
    """Backup holds, by their names."""

    def __init__(self, database: Database) -> None:
        self.place = writing(database, place)
        self.end = writing(database, end)
        self.last = reading(database, last)


class Strangers:
    """The note that there may be bytes which are unknown and no garbage."""

    def __init__(self, database: Database) -> None:
        self.note = writing(database, note_strangers)
        self.remove = writing(database, remove_strangers)
        self.find = reading(database, find_strangers)
        self.begin_restored = writing(database, begin_restored)

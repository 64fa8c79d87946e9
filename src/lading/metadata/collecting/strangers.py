"""The note that there may be bytes which this database never knew, or once knew and knows no more.

It began beside blobs of somebody else, or was restored from a backup that is older than some blobs.
What it does not know is then no garbage, unless a person says so.
"""

from lading.core.history import Change
from lading.metadata.moving.migrations import ARRIVED
from lading.metadata.noun import reading, writing
from lading.metadata.read_only import find_switch, switch_off, switch_on
from lading.ports.database import Database, SqlConnection

_NAME = "strangers"


def note(connection: SqlConnection, change: Change) -> None:
    """Say that there may be such bytes. A database that is restored says so by itself."""
    switch_on(connection, _NAME, change)


def find(connection: SqlConnection) -> Change | None:
    """Who said that there may be such bytes, and when; `None` if nobody did."""
    return find_switch(connection, _NAME)


def remove(connection: SqlConnection) -> None:
    """Say that there are none any more: a person knows that what is unknown is garbage."""
    switch_off(connection, _NAME)


def begin_restored(connection: SqlConnection, change: Change) -> None:
    """End what was under way when a restored backup was made; there may be newer blobs.

    Objects that were unused then, or of an upload, may be theirs: a key is reserved before it is
    used. They are forgotten, and so kept, as all that this database does not know. The database
    that was backed up may be served still: the restored one takes the place of both for itself
    when it is served, so that the other one does not take what is pushed from then on for garbage.
    """
    connection.execute("DELETE FROM holds")
    connection.execute("DELETE FROM jobs")
    connection.execute(
        "DELETE FROM objects WHERE unused_at IS NOT NULL OR upload IN (SELECT key FROM uploads)"
    )
    connection.execute("DELETE FROM uploads")
    switch_on(connection, ARRIVED, change)
    note(connection, change)


class Strangers:
    """The note that there may be bytes which are unknown and no garbage."""

    def __init__(self, database: Database) -> None:
        self.note = writing(database, note)
        self.remove = writing(database, remove)
        self.find = reading(database, find)
        self.begin_restored = writing(database, begin_restored)

"""The note that there may be bytes which this database never knew, or once knew and knows no more.

It began beside blobs of somebody else, or was restored from a backup that is older than some blobs.
What it does not know is then no garbage, unless a person says so.
"""

from sqlite3 import Connection

from lading.core.history import Change

_NAME = "strangers"


def note(connection: Connection, change: Change) -> None:
    """Write it down, unless it is already."""
    connection.execute(
        "INSERT INTO switches (name, actor, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (_NAME, change.actor, change.at),
    )


def find(connection: Connection) -> Change | None:
    """Who has made it so, and when; `None` if what is unknown is garbage."""
    row = connection.execute("SELECT actor, at FROM switches WHERE name = ?", (_NAME,)).fetchone()
    return None if row is None else Change(*row)


def forget(connection: Connection) -> None:
    """A person has said that what is unknown is garbage."""
    connection.execute("DELETE FROM switches WHERE name = ?", (_NAME,))

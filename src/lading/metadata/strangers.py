"""The note that there may be bytes which this database never knew, or once knew and knows no more.

It began beside blobs of somebody else, or was restored from a backup that is older than some blobs.
What it does not know is then no garbage, unless a person says so.
"""

from lading.core.history import Change
from lading.metadata.noun import Noun
from lading.ports.database import SqlConnection

_NAME = "strangers"


def note(connection: SqlConnection, change: Change) -> None:
    """Note down that there are strangers, unless that is known."""
    connection.execute(
        "INSERT INTO switches (name, actor, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (_NAME, change.actor, change.at),
    )


def _find(connection: SqlConnection) -> Change | None:
    row = connection.execute("SELECT actor, at FROM switches WHERE name = ?", (_NAME,)).fetchone()
    return None if row is None else Change(*row)


def _remove(connection: SqlConnection) -> None:
    connection.execute("DELETE FROM switches WHERE name = ?", (_NAME,))


class Strangers(Noun):
    """The note that there may be bytes which are unknown and no garbage."""

    async def note(self, change: Change) -> None:
        """Say that there may be such bytes. A database that is restored says so by itself."""
        await self._database.write(lambda connection: note(connection, change))

    async def remove(self) -> None:
        """Say that there are none any more: a person knows that what is unknown is garbage."""
        await self._database.write(_remove)

    async def find(self) -> Change | None:
        """Who said that there may be such bytes, and when; `None` if nobody did."""
        return await self._database.read(_find)

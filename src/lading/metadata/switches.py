"""The read-only switch: a row that says who switched it on, and when.

Every request that writes asks for it, and a read costs most right after another process has
written, as SQLite then forgets the pages that it knows: in a busy registry, always. So beside the
database there is a file while the row may be there, and whoever does not find the file need not
read. The file is made before the row and removed after it, both within a transaction, and made
again when the database is opened with the row in it. A crash leaves at most a file without a row,
which is read for nothing.
"""

from pathlib import Path
from sqlite3 import Connection

from lading.core.errors import RegistryError, Unavailable
from lading.core.history import Change
from lading.metadata.database import Database

_NAME = "read-only"


class ReadOnlySwitch:
    """Says whether the registry is read-only.

    Args:
        database: where the row is.
        hint: the file; `None` if the database is as quick to read.
    """

    def __init__(self, database: Database, hint: Path | None) -> None:
        self._database = database
        self._hint = hint
        if hint is not None and self._may_be_on():
            try:
                hint.touch()
            except OSError:  # no room for it, or the disk is read-only itself
                self._hint = None

    def find(self) -> Change | None:
        """Who switched it on, and when; `None` if it is off."""
        if self._hint is not None and not self._hint.exists():
            return None
        return self._database.read(_find)

    async def set(self, change: Change | None) -> None:
        """Switch it on, unless it is already; or (`None`) off."""
        if change is None:
            await self._database.write(_remove)
            await self._database.write(self._remove_hint, durable=False)
        else:
            await self._database.write(lambda connection: self._add(connection, change))

    def _may_be_on(self) -> bool:
        try:
            return self._database.read(_find) is not None
        except RegistryError:  # a damaged database still answers what it can
            return True

    def _add(self, connection: Connection, change: Change) -> None:
        if self._hint is not None:
            try:
                self._hint.touch()
            except OSError as error:
                raise Unavailable(f"{self._hint} cannot be made: {error.strerror}") from error
        connection.execute(
            "INSERT INTO switches (name, actor, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (_NAME, change.actor, change.at),
        )

    def _remove_hint(self, connection: Connection) -> None:
        """In a transaction, so that nobody switches it on meanwhile."""
        if self._hint is not None and _find(connection) is None:
            self._hint.unlink(missing_ok=True)


def _find(connection: Connection) -> Change | None:
    row = connection.execute("SELECT actor, at FROM switches WHERE name = ?", (_NAME,)).fetchone()
    return None if row is None else Change(*row)


def _remove(connection: Connection) -> None:
    connection.execute("DELETE FROM switches WHERE name = ?", (_NAME,))

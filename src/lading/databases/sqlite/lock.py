"""The lock of who has a database open: a file beside it, whose lock dies with its process.

Putting another database in the place of one that is open would damage both. SQLite's own locks do
not tell, as they are held in transactions only.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lading.ports.database import CannotOpen
from lading.system.lock_files import open_lock_file, try_lock


class DatabaseInUse(CannotOpen):
    """Somebody has the database open; the message says what to do."""


class OpenLock:
    """A share of the lock of who has a database open, until it is closed; or `DatabaseInUse`."""

    def __init__(self, database: Path) -> None:
        self._descriptor = _open(database)
        if not try_lock(self._descriptor, fcntl.LOCK_SH):
            self.close()
            raise DatabaseInUse("a backup is being restored; try again when that is done")

    def close(self) -> None:
        """Give the share back: the database is not used here any more."""
        os.close(self._descriptor)


@contextmanager
def alone_with(database: Path) -> Iterator[None]:
    """Keep everybody else away from a database, or `DatabaseInUse`: somebody has it open."""
    descriptor = _open(database)
    try:
        if not try_lock(descriptor):
            raise DatabaseInUse(
                "the registry is in use; stop the server, and other commands, first"
            )
        yield
    finally:
        os.close(descriptor)


def _open(database: Path) -> int:
    return open_lock_file(database.with_name(f"{database.name}.lock"))

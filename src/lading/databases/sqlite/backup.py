"""Backups of a database: consistent while others write to it, and read without touching them."""

import os
from pathlib import Path

from lading.databases.sqlite.connection import SqliteConnection, connect


def copy(connection: SqliteConnection, target: Path) -> None:
    """Copy the database as it is at this moment into a new file, on disk when this returns."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    connection.execute("VACUUM INTO ?", (str(target),))
    with target.open("rb") as file:
        os.fsync(file.fileno())


def open_copy(path: Path) -> SqliteConnection:
    """A copy, for reading. `immutable`: nobody writes to it, and no file is made beside it."""
    return connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)

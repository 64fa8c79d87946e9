"""A database that is only read, also where nothing can be written.

SQLite reads a database with a write-ahead log through an index of the log, a file that it makes if
need be. Where it cannot, the file has to be there; or there is no log, and nobody makes one: then
the database is `immutable` (sqlite.org/wal.html#read_only_databases).
"""

import sqlite3
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

from lading.core.errors import Unavailable
from lading.core.typing import T, override
from lading.databases.schema import OlderSchema, is_empty, pending
from lading.databases.sqlite import connection
from lading.databases.sqlite.connection import SqliteConnection, opening
from lading.databases.sqlite.file import SqliteFile
from lading.ports.database import CannotOpen, Work
from lading.system.mounts import is_read_only


class NotReadable(CannotOpen):
    """The database cannot be read without writing; the message says why and what to do."""


def connect(path: Path) -> SqliteConnection:
    """A connection for reading.

    Where the file can be written to, SQLite may undo what a crash left half-done: it does not read
    such a file otherwise (SQLITE_READONLY_ROLLBACK, sqlite.org/rescode.html).
    """
    mode = "rw"
    if is_read_only(path.parent):
        mode = "ro" if holds_bytes(_beside(path, "-wal")) else "ro&immutable=1"
    return connection.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True)


class ReadOnlyDatabase(SqliteFile):
    """A database on a disk that cannot be written to."""

    def __init__(self, path: Path) -> None:
        """Open the database.

        Raises:
            NotReadable: it is not there, or has a log without its index.
            OlderSchema, NewerSchema: another version of this program has to read it.
        """
        _require_readable(path)
        with ExitStack() as opened:
            opened.enter_context(opening(path.parent))
            reader = opened.enter_context(closing(connect(path)))
            if pending(reader.version()):
                raise OlderSchema(
                    "the database was written by an older version of lading, and cannot be changed"
                    " where it is; run this one once where it can be written"
                )
            opened.pop_all()
        super().__init__(reader, partial(connect, path))

    @override
    async def write(self, work: Work[T], *, durable: bool = True, alone: bool = False) -> T:
        raise Unavailable("the data is where nothing can be written")


def _require_readable(path: Path) -> None:
    if not holds_bytes(path):
        raise NotReadable("there is no registry, and none can be made where nothing can be written")
    log, index = _beside(path, "-wal"), _beside(path, "-shm")
    if holds_bytes(log) and not index.exists():
        raise NotReadable(
            f"{log} is there without {index.name}, which cannot be made where nothing can be"
            " written; start this registry once, or a copy of it, where it can be"
        )


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def holds_bytes(path: Path) -> bool:
    """Whether there is a file that is not empty."""
    return path.exists() and path.stat().st_size > 0


def has_nothing(database: Path) -> bool:
    """Whether it `is_empty`; a file that cannot be read may hold anything."""
    if not holds_bytes(database):
        return True
    try:
        with closing(connect(database)) as opened:
            if opened.version():
                return is_empty(opened)
            return opened.execute("SELECT 1 FROM sqlite_schema").fetchone() is None
    except sqlite3.Error:
        return False

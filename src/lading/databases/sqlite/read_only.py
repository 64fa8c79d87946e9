"""A database that is only read, also where nothing can be written.

SQLite reads a database with a write-ahead log through an index of the log, a file that it makes if
need be. Where it cannot, the file has to be there; or there is no log, and nobody makes one: then
the database is `immutable` (sqlite.org/wal.html#read_only_databases).
"""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from lading.core.errors import Unavailable
from lading.core.typing import override
from lading.databases.sqlite import backup, checking, connection
from lading.databases.sqlite.connection import Connection
from lading.databases.sqlite.failures import opening, translate, translating
from lading.databases.sqlite.migration import require_current
from lading.ports.database import CannotOpen, Database, Work
from lading.system.mounts import is_read_only
from lading.system.threads import Threads

T = TypeVar("T")
P = ParamSpec("P")

# Long reads at the same time.
SCANNERS = 4


class NotReadable(CannotOpen):
    """The database cannot be read without writing; the message says why and what to do."""


def connect(path: Path) -> Connection:
    """A connection that reads, and leaves the file as it is."""
    has_log = holds_bytes(_beside(path, "-wal"))
    immutable = "&immutable=1" if not has_log and is_read_only(path.parent) else ""
    uri = f"{path.absolute().as_uri()}?mode=ro{immutable}"
    return connection.connect(uri, uri=True)


class ReadOnlyDatabase(Database):
    """A database on a disk that cannot be written to."""

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            NotReadable: it is not there, or has a log without its index.
            OlderSchema, NewerSchema: another version of this program has to read it.
        """
        self._path = path
        _require_readable(path)
        self._reader = connect(path)
        try:
            with opening():
                require_current(self._reader)
        except BaseException:
            self._reader.close()
            raise
        self._scanners = Threads(SCANNERS, "metadata-scan")

    @override
    async def read(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        try:
            return work(self._reader, *args, **kwargs)
        except sqlite3.DatabaseError as error:
            raise translate(error) from error

    @override
    async def write(self, work: Work[T], *, durable: bool = True, alone: bool = False) -> T:
        raise Unavailable("the data is where nothing can be written")

    @override
    async def scan(self, work: Work[T]) -> T:
        with translating():
            return await self._scanners.start(self._scan, work)

    @override
    async def check(self, *, thorough: bool) -> Sequence[str]:
        return await self.scan(partial(checking.complaints, thorough=thorough))

    @override
    async def copy_to(self, target: Path) -> None:
        with translating():
            await self._scanners.start(self._scan, lambda opened: backup.copy(opened, target))

    @override
    def close(self) -> None:
        self._scanners.close()
        self._reader.close()

    def _scan(self, work: Work[T]) -> T:
        with closing(connect(self._path)) as connection:
            return work(connection)


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
    """Whether nothing was ever pushed; a file that cannot be read may hold anything."""
    if not holds_bytes(database):
        return True
    try:
        with closing(connect(database)) as opened:
            if opened.execute("PRAGMA user_version").fetchone() == (0,):
                return opened.execute("SELECT 1 FROM sqlite_schema").fetchone() is None
            return opened.execute("SELECT 1 FROM repositories LIMIT 1").fetchone() is None
    except sqlite3.Error:
        return False

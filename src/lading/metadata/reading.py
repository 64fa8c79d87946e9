"""A database that is only read, also where nothing can be written.

SQLite reads a database with a write-ahead log through an index of the log, a file that it makes if
need be. Where it cannot, the file has to be there; or there is no log, and nobody makes one: then
the database is `immutable` (sqlite.org/wal.html#read_only_databases).
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from sqlite3 import Connection
from typing import Concatenate, ParamSpec, TypeVar

from lading.core.errors import Unavailable
from lading.metadata import copies
from lading.metadata.failures import translate, translated
from lading.metadata.schema import require_current
from lading.metadata.writer import Work
from lading.system.mounts import is_read_only
from lading.system.threads import Threads

T = TypeVar("T")
P = ParamSpec("P")

# Long reads at the same time.
SCANNERS = 4


class NotReadable(Exception):
    """The database cannot be read without writing; the message says why and what to do."""


def connect(path: Path) -> Connection:
    """A connection that reads, and leaves the file as it is."""
    has_log = holds_bytes(_beside(path, "-wal"))
    immutable = "&immutable=1" if not has_log and is_read_only(path.parent) else ""
    uri = f"{path.absolute().as_uri()}?mode=ro{immutable}"
    return sqlite3.connect(uri, uri=True, isolation_level=None)


class ReadOnlyDatabase:
    """A database on a disk that cannot be written to. See `lading.metadata.database.Database`."""

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
            require_current(self._reader)
        except BaseException:
            self._reader.close()
            raise
        self._scanners = Threads(SCANNERS, "metadata-scan")

    def read(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """See `Database.read`."""
        try:
            return work(self._reader, *args, **kwargs)
        except sqlite3.DatabaseError as error:
            raise translate(error) from error

    async def write(
        self,
        work: Work[T],  # noqa: ARG002 - the port's
        *,
        durable: bool = True,  # noqa: ARG002
        alone: bool = False,  # noqa: ARG002
    ) -> T:
        """See `Database.write`.

        Raises:
            Unavailable: always.
        """
        raise Unavailable("the data is where nothing can be written")

    async def scan(self, work: Work[T]) -> T:
        """See `Database.scan`."""
        with translated():
            return await self._scanners.start(self._scan, work)

    async def copy_to(self, target: Path) -> None:
        """See `Database.copy_to`."""
        with translated():
            await self._scanners.start(self._scan, lambda opened: copies.write(opened, target))

    def close(self) -> None:
        """See `Database.close`."""
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

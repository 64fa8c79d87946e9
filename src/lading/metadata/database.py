"""Connections to the SQLite file: one to read on the event loop, one writer, and scans in threads.

A point read takes about ten microseconds, a hop to a thread twenty times that; so short reads run
on the loop. What may take long (`scan`) gets a connection and a thread of its own.
"""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from sqlite3 import Connection
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from lading.metadata import copies
from lading.metadata.failures import translate, translated
from lading.metadata.presence import Presence
from lading.metadata.schema import migrate
from lading.metadata.writer import GroupWriter, Work
from lading.system.durable import make_directories, sync_directory
from lading.system.threads import Threads

T = TypeVar("T")
P = ParamSpec("P")

# Milliseconds that a read on the loop may wait: only a recovery after a crash makes it.
READ_TIMEOUT = 1000
# Seconds that a writer waits for writers of other processes before it gives up.
BUSY_TIMEOUT = 20.0
# Long reads at the same time.
SCANNERS = 4
# Seconds between tries to switch a new file to its write-ahead log.
SWITCH_POLL = 0.01


class Database(Protocol):
    """Where SQL runs."""

    def read(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a short read now, on the event loop: `work(connection, …)`."""

    async def write(self, work: Work[T], *, durable: bool = True, alone: bool = False) -> T:
        """Run `work` in a transaction; see `GroupWriter.write`."""

    async def scan(self, work: Work[T]) -> T:
        """Run a long read, on a consistent view, without holding up the loop."""

    async def copy_to(self, target: Path) -> None:
        """Copy everything, as it is at one moment, into a new file."""

    def close(self) -> None:
        """Let go of all connections."""


class Part:
    """A part of what is known, in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database


class FileDatabase:
    """A database file that many processes may share."""

    def __init__(self, path: Path) -> None:
        self._path = path
        make_directories(path.parent)
        self._presence = Presence(path)
        self._reader = self._connect()
        try:
            _use_wal(self._reader)
            migrate(self._reader)
            sync_directory(path.parent)
            self._reader.execute(f"PRAGMA busy_timeout = {READ_TIMEOUT}")
        except BaseException:
            self._reader.close()
            self._presence.close()
            raise
        self._writer = GroupWriter(self._connect, patience=BUSY_TIMEOUT)
        self._scanners = Threads(SCANNERS, "metadata-scan")

    def read(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """See `Database.read`."""
        try:
            return work(self._reader, *args, **kwargs)
        except sqlite3.DatabaseError as error:
            raise translate(error) from error

    async def write(self, work: Work[T], *, durable: bool = True, alone: bool = False) -> T:
        """See `Database.write`."""
        with translated():
            return await self._writer.write(work, durable=durable, alone=alone)

    async def scan(self, work: Work[T]) -> T:
        """See `Database.scan`."""
        with translated():
            return await self._scanners.start(self._scan, work)

    async def copy_to(self, target: Path) -> None:
        """See `Database.copy_to`."""
        with translated():
            await self._scanners.start(self._copy, target)

    def close(self) -> None:
        """See `Database.close`."""
        self._writer.close()
        self._scanners.close()
        self._reader.close()
        self._presence.close()

    def _scan(self, work: Work[T]) -> T:
        connection = self._connect()
        try:
            connection.execute("BEGIN")
            return work(connection)
        finally:
            connection.close()

    def _copy(self, target: Path) -> None:
        with closing(self._connect()) as connection:
            copies.write(connection, target)

    def _connect(self) -> Connection:
        connection = sqlite3.connect(self._path, timeout=BUSY_TIMEOUT, isolation_level=None)
        connection.execute("PRAGMA synchronous = FULL")
        # Not in a directory of its own that may be full, or may not be written to.
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection


def _use_wal(connection: Connection) -> None:
    """Switch the file to a write-ahead log, once and for all.

    To switch takes the whole file, and SQLite does not wait for others that do the same.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(SWITCH_POLL)
        else:
            return


class MemoryDatabase:
    """A database of one process that is gone with it."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        self._connection.execute("PRAGMA foreign_keys = ON")
        migrate(self._connection)

    def read(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """See `Database.read`."""
        return work(self._connection, *args, **kwargs)

    async def write(
        self,
        work: Work[T],
        *,
        durable: bool = True,  # noqa: ARG002 - the port's
        alone: bool = False,  # noqa: ARG002
    ) -> T:
        """See `Database.write`."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(self._connection)
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        return result

    async def scan(self, work: Work[T]) -> T:
        """See `Database.scan`."""
        return work(self._connection)

    async def copy_to(self, target: Path) -> None:
        """See `Database.copy_to`."""
        copies.write(self._connection, target)

    def close(self) -> None:
        """See `Database.close`."""
        self._connection.close()

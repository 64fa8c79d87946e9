"""The database in a file: one connection to read on the event loop, one writer, scans in threads.

A point read takes about ten microseconds, a hop to a thread twenty times that; so short reads run
on the loop. What may take long (`scan`) gets a connection and a thread of its own; what is seldom
long (`look`) gets these where it has turned out to be.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

from lading.core.typing import P, T, override
from lading.databases.sqlite import backup, checking
from lading.databases.sqlite.beginning import use_wal
from lading.databases.sqlite.connection import SqliteConnection, connect
from lading.databases.sqlite.failures import (
    explained,
    kind_of,
    opening,
    translate,
    translating_failures,
)
from lading.databases.sqlite.kept_files import KeptFiles
from lading.databases.sqlite.lock import OpenLock
from lading.databases.sqlite.migration import migrate
from lading.databases.sqlite.read_breaker import ReadBreaker
from lading.databases.sqlite.turn import Turn
from lading.databases.sqlite.writer import GroupWriter
from lading.ports.database import Database, Function, SqlConnection, Work
from lading.system.durable import make_directories, sync_directory
from lading.system.threads import Threads

# Milliseconds that a read on the loop may wait: only a recovery after a crash makes it.
READ_TIMEOUT = 1000
# Seconds that a writer waits for writers of other processes before it gives up.
BUSY_TIMEOUT = 20.0
# Long reads at the same time.
SCANNERS = 4
# Steps of SQLite's machine after which it is looked whether a read takes too long for the loop, and
# how often it may be found not to: some 0.2 milliseconds.
STEPS, MOST_LOOKS = 1000, 6


class SqliteFile(Database):
    """A database file as it is read, by a connection for short reads and others."""

    def __init__(self, reader: SqliteConnection, connect: Callable[[], SqliteConnection]) -> None:
        self._reader = reader
        self._connect = connect
        self._scanners = Threads(SCANNERS, "metadata-scan")
        self._breaker = ReadBreaker(partial(self.scan, _look_at_schema))

    @override
    async def read(self, work: Function[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._breaker.is_broken:
            self._breaker.require_whole()
        try:
            return work(self._reader, *args, **kwargs)
        except sqlite3.DatabaseError as error:
            self._breaker.note(error)
            raise translate(error) from error

    @override
    async def scan(self, work: Work[T]) -> T:
        with translating_failures():
            return await self._scanners.start(self._scan, work)

    @override
    async def look(self, work: Work[T]) -> T:
        self._breaker.require_whole()
        try:
            return self._look(work)
        except sqlite3.DatabaseError as error:
            if kind_of(error) != sqlite3.SQLITE_INTERRUPT:
                self._breaker.note(error)
                raise translate(error) from error
        finally:
            await asyncio.sleep(0)  # several of them would be a long turn
        return await self.scan(work)

    @override
    async def check(self, *, thorough: bool) -> Sequence[str]:
        return await self.scan(partial(checking.complaints, thorough=thorough))

    @override
    async def copy_to(self, target: Path) -> None:
        with translating_failures():
            await self._scanners.start(self._copy, target)

    @override
    def close(self) -> None:
        self._scanners.close()
        self._reader.close()

    def _look(self, work: Work[T]) -> T:
        looks = 0

        def is_too_long() -> bool:
            nonlocal looks
            looks += 1
            return looks > MOST_LOOKS

        reader = self._reader
        reader.execute("BEGIN")
        reader.set_progress_handler(is_too_long, STEPS)
        try:
            return work(reader)
        finally:
            reader.set_progress_handler(None, 0)
            if reader.in_transaction:  # some failures end it
                reader.execute("ROLLBACK")

    def _scan(self, work: Work[T]) -> T:
        with closing(self._connect()) as connection:
            connection.execute("BEGIN")
            return work(connection)

    def _copy(self, target: Path) -> None:
        with closing(self._connect()) as connection:
            backup.copy(connection, target)


class FileDatabase(SqliteFile):
    """A database file that many processes may share, made if need be, with what it begins with."""

    def __init__(self, path: Path, begin: Work[None] | None = None) -> None:
        make_directories(path.parent)
        self._lock = OpenLock(path)
        with ExitStack() as opened:
            opened.callback(self._lock.close)
            opened.enter_context(opening(path.parent))
            reader = _connect(path)
            opened.callback(reader.close)
            use_wal(reader, time.monotonic() + BUSY_TIMEOUT)
            migrate(reader)
            if begin is not None:
                begin(reader)
            sync_directory(path.parent)
            kept = KeptFiles(path)
            reader.execute(f"PRAGMA busy_timeout = {READ_TIMEOUT}")
            self._turn = Turn(path)
            opened.pop_all()
        super().__init__(reader, partial(_connect_again, path, kept))
        self._writer = GroupWriter(
            self._connect,
            patience=BUSY_TIMEOUT,
            turn=self._turn,
            require_kept=kept.require,
            explain=partial(explained, path.parent),
        )

    @override
    async def write(self, work: Work[T], *, durable: bool = True, alone: bool = False) -> T:
        with translating_failures():
            return await self._writer.write(work, durable=durable, alone=alone)

    @override
    def close(self) -> None:
        self._writer.close()
        self._turn.close()
        super().close()
        self._lock.close()


def _look_at_schema(connection: SqlConnection) -> None:
    connection.execute("SELECT 1 FROM sqlite_schema").fetchone()


def _connect(path: Path) -> SqliteConnection:
    connection = connect(path, timeout=BUSY_TIMEOUT)
    with ExitStack() as opened:
        opened.callback(connection.close)
        connection.execute("PRAGMA synchronous = FULL")
        # Not in a directory of its own that may be full, or may not be written to.
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA foreign_keys = ON")
        # Some systems' SQLite writes zeros over all that is deleted: a manifest's 4 MiB once more,
        # while others wait. So only where it costs no write.
        connection.execute("PRAGMA secure_delete = FAST")
        opened.pop_all()
    return connection


def _connect_again(path: Path, kept: KeptFiles) -> SqliteConnection:
    """Open the database once more; of one that is gone, SQLite would make an empty one."""
    kept.require()
    return _connect(path)

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
from lading.databases.sqlite.connection import (
    SqliteConnection,
    connect,
    explained,
    kind_of,
    opening,
    translate,
    translating_failures,
)
from lading.databases.sqlite.locks import Turn, having_open, use_wal
from lading.databases.sqlite.open_files import KeptFiles
from lading.databases.sqlite.read_breaker import ReadBreaker
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
        return await self._run(partial(_read, work=work))

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
        return await self._run(partial(SqliteConnection.check, thorough=thorough))

    @override
    async def copy_to(self, target: Path) -> None:
        await self._run(partial(SqliteConnection.copy_to, target=target))

    @override
    def close(self) -> None:
        self._scanners.close()
        self._reader.close()

    def _look(self, work: Work[T]) -> T:
        reader, looks = self._reader, iter(range(MOST_LOOKS))
        reader.execute("BEGIN")
        reader.set_progress_handler(lambda: next(looks, None) is None, STEPS)
        try:
            return work(reader)
        finally:
            reader.set_progress_handler(None, 0)
            if reader.in_transaction:  # some failures end it
                reader.execute("ROLLBACK")

    async def _run(self, work: Callable[[SqliteConnection], T]) -> T:
        """Run what may take long, in a thread, by a connection of its own."""

        def connect_and_work() -> T:
            with closing(self._connect()) as connection:
                return work(connection)

        with translating_failures():
            return await self._scanners.start(connect_and_work)


class FileDatabase(SqliteFile):
    """A database file that many processes may share, made if need be, with what it begins with."""

    def __init__(self, path: Path, begin: Work[None] | None = None) -> None:
        make_directories(path.parent)
        with ExitStack() as opened, opening(path.parent):
            opened.enter_context(having_open(path))
            reader = opened.enter_context(closing(_connect(path)))
            use_wal(reader, time.monotonic() + BUSY_TIMEOUT)
            reader.migrate()
            if begin is not None:
                begin(reader)
            sync_directory(path.parent)
            kept = KeptFiles(path)
            reader.execute(f"PRAGMA busy_timeout = {READ_TIMEOUT}")
            self._turn = Turn(path)
            self._opened = opened.pop_all()
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
        self._opened.close()


def _read(connection: SqliteConnection, work: Work[T]) -> T:
    connection.execute("BEGIN")
    return work(connection)


def _look_at_schema(connection: SqlConnection) -> None:
    connection.execute("SELECT 1 FROM sqlite_schema").fetchone()


def _connect(path: Path) -> SqliteConnection:
    with ExitStack() as opened:
        connection = opened.enter_context(closing(connect(path, timeout=BUSY_TIMEOUT)))
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

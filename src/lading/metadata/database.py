"""Connections to the SQLite file: one to read on the event loop, one writer, and scans in threads.

A point read takes about ten microseconds, a hop to a thread twenty times that; so short reads run
on the loop. What may take long (`scan`) gets a connection and a thread of its own.
"""

import asyncio
import os
import sqlite3
from pathlib import Path
from sqlite3 import Connection
from typing import Protocol, TypeVar

from lading.metadata.schema import migrate
from lading.metadata.writer import GroupWriter, Work

T = TypeVar("T")

# Seconds that a writer waits for writers of other processes before it gives up.
BUSY_TIMEOUT = 30.0


class Database(Protocol):
    """Where SQL runs."""

    @property
    def reader(self) -> Connection:
        """For short reads on the event loop."""

    async def write(self, work: Work[T], *, durable: bool = True) -> T:
        """Run `work` in a transaction; see `GroupWriter.write`."""

    async def scan(self, work: Work[T]) -> T:
        """Run a long read, on a consistent view, without holding up the loop."""

    def close(self) -> None:
        """Let go of all connections."""


class FileDatabase:
    """A database file that many processes may share."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = self._connect()
        migrate(connection)
        _sync_directory(path.parent)
        self.reader = connection
        self._writer = GroupWriter(self._connect)

    async def write(self, work: Work[T], *, durable: bool = True) -> T:
        """See `Database.write`."""
        return await self._writer.write(work, durable=durable)

    async def scan(self, work: Work[T]) -> T:
        """See `Database.scan`."""
        return await asyncio.to_thread(self._scan, work)

    def close(self) -> None:
        """See `Database.close`."""
        self._writer.close()
        self.reader.close()

    def _scan(self, work: Work[T]) -> T:
        connection = self._connect()
        try:
            connection.execute("BEGIN")
            return work(connection)
        finally:
            connection.close()

    def _connect(self) -> Connection:
        connection = sqlite3.connect(self._path, timeout=BUSY_TIMEOUT, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection


class MemoryDatabase:
    """A database of one process that is gone with it."""

    def __init__(self) -> None:
        self.reader = sqlite3.connect(":memory:", isolation_level=None)
        self.reader.execute("PRAGMA foreign_keys = ON")
        migrate(self.reader)

    async def write(self, work: Work[T], *, durable: bool = True) -> T:  # noqa: ARG002 - the port's
        """See `Database.write`."""
        self.reader.execute("BEGIN IMMEDIATE")
        try:
            result = work(self.reader)
        except BaseException:
            self.reader.execute("ROLLBACK")
            raise
        self.reader.execute("COMMIT")
        return result

    async def scan(self, work: Work[T]) -> T:
        """See `Database.scan`."""
        return work(self.reader)

    def close(self) -> None:
        """See `Database.close`."""
        self.reader.close()


def _sync_directory(path: Path) -> None:
    """The file of a new database is lost in a power cut unless its directory is synced."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Reads where the system gives no locks: the event loop waits for that once, and not again."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lading.core.errors import Unavailable
from lading.databases.sqlite import read_breaker
from lading.databases.sqlite.file import FileDatabase
from lading.ports.database import SqlConnection


class Locks:
    """Whether the system gives locks, as reads notice it; and how many have asked."""

    def __init__(self) -> None:
        self.are_there = True
        self.asked = 0

    def read(self, connection: SqlConnection) -> int:
        """Fail as SQLite does after ten seconds."""
        self.asked += 1
        if not self.are_there:
            error = sqlite3.OperationalError("locking protocol")
            error.sqlite_errorcode = sqlite3.SQLITE_PROTOCOL
            raise error
        (one,) = connection.execute("SELECT 1").fetchone()
        return int(one)


@pytest.fixture
def locks() -> Locks:
    return Locks()


@pytest.fixture
async def database(
    tmp_path: Path, locks: Locks, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[FileDatabase]:
    monkeypatch.setattr(read_breaker, "RETRY", 0.01)
    opened = FileDatabase(tmp_path / "db")
    opened._breaker._attempt = lambda: opened.scan(locks.read)
    yield opened
    opened.close()


@pytest.mark.parametrize("kind", ["read", "look"])
async def test_reads_wait_once_for_locks_that_do_not_come(
    database: FileDatabase, locks: Locks, kind: str
) -> None:
    read = getattr(database, kind)
    assert await read(locks.read) == 1
    locks.are_there, locks.asked = False, 0
    for _ in range(5):
        with pytest.raises(Unavailable):
            await read(locks.read)
    assert locks.asked == 1

    locks.are_there = True
    async with asyncio.timeout(60):
        while True:
            try:
                assert await read(locks.read) == 1
                break
            except Unavailable:
                await asyncio.sleep(0.01)


async def test_other_failures_are_tried_again_at_once(database: FileDatabase) -> None:
    def fail(_: SqlConnection) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    for _ in range(2):
        with pytest.raises(Unavailable):
            await database.read(fail)
    assert not database._breaker.is_broken

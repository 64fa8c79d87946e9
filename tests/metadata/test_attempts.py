"""Writes that can be done without: tried for a moment, and not by everybody at once."""

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lading.core.errors import Unavailable
from lading.databases.sqlite.file import FileDatabase
from lading.metadata import attempts
from lading.metadata.attempts import MOST, Attempts


@pytest.fixture
def database(tmp_path: Path) -> Iterator[FileDatabase]:
    """A database in `tmp_path`."""
    opened = FileDatabase(tmp_path / "db")
    yield opened
    opened.close()


async def test_what_is_not_done_in_a_moment_is_never_done_and_the_next_are_not_tried_meanwhile(
    database: FileDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[int] = []
    trying = Attempts(database)
    with closing(sqlite3.connect(tmp_path / "db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable):
            await trying.write(lambda _: done.append(1))
        began = time.monotonic()
        for _ in range(100):
            with pytest.raises(Unavailable):
                await trying.write(lambda _: done.append(2))
        assert time.monotonic() - began < 10 * attempts.MOMENT
        other.execute("ROLLBACK")
    await database.write(lambda _: done.append(3))
    assert done == [3]
    monkeypatch.setattr(attempts, "PAUSE", 0.0)
    trying = Attempts(database)
    await trying.write(lambda _: done.append(4))
    assert done == [3, 4]


async def test_only_so_many_wait_at_once(
    database: FileDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "MOMENT", 60.0)  # nobody gives up on a busy machine
    trying = Attempts(database)
    with closing(sqlite3.connect(tmp_path / "db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        tasks = [asyncio.create_task(trying.write(lambda _: None)) for _ in range(MOST + 10)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert sum(task.done() for task in tasks) == 10
        other.execute("ROLLBACK")
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(result, Unavailable) for result in results) == 10

"""The file that tells whether the read-only switch has to be looked at."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import pytest

from lading.core.errors import Unavailable
from lading.databases.sqlite.memory import MemoryDatabase
from lading.metadata.metadata import Metadata
from lading.metadata.read_only import switch_on
from lading.ports.database import SqlConnection
from tests.support.rows import by_alice, open_metadata

T = TypeVar("T")
P = ParamSpec("P")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is."""
    return tmp_path / "metadata.sqlite3"


@pytest.fixture
async def metadata(path: Path) -> AsyncIterator[Metadata]:
    """An open database."""
    metadata = open_metadata(path)
    yield metadata
    await metadata.close()


def hint(path: Path) -> Path:
    """The file beside the database."""
    return path.with_name("metadata.sqlite3.read-only")


async def test_all_processes_see_it_at_once(metadata: Metadata, path: Path) -> None:
    """As often as it is switched; the first one who does is told."""
    other = open_metadata(path)
    for at in (1.0, 2.0):
        assert await other.read_only.find() is None
        await metadata.read_only.set(by_alice(at))
        await other.read_only.set(by_alice(at + 0.5))
        assert await other.read_only.find() == await metadata.read_only.find() == by_alice(at)
        await metadata.read_only.set(None)
        assert await metadata.read_only.find() is None
        assert await other.read_only.find() is None
    await other.close()


async def test_nobody_reads_a_row_that_cannot_be_there(metadata: Metadata, path: Path) -> None:
    """The file is gone when it is off."""
    assert not hint(path).exists()
    await metadata.read_only.set(by_alice())
    assert hint(path).exists()
    await metadata.read_only.set(None)
    assert not hint(path).exists()


async def test_a_file_that_a_crash_left_does_not_count(metadata: Metadata, path: Path) -> None:
    """The row is what counts."""
    hint(path).touch()
    assert await metadata.read_only.find() is None
    await metadata.read_only.set(None)
    assert not hint(path).exists()


async def test_a_database_that_comes_without_the_file_gets_it(
    metadata: Metadata, path: Path
) -> None:
    """From a backup, or after a power cut."""
    await metadata.read_only.set(by_alice())
    hint(path).unlink()

    again = open_metadata(path)

    assert await again.read_only.find() == await metadata.read_only.find() == by_alice()
    await again.close()


async def test_it_holds_where_the_file_cannot_be_made(
    metadata: Metadata, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the row is read; and nobody is told that it was switched on when it was not."""
    await metadata.read_only.set(by_alice())
    hint(path).unlink()

    def full(*_: object) -> int:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as broken:
        broken.setattr(Path, "touch", full)
        again = open_metadata(path)
        assert await again.read_only.find() == by_alice()
        with pytest.raises(Unavailable, match="No space left"):
            await metadata.read_only.set(by_alice(2))
    await again.close()


class Counting(MemoryDatabase):
    """A database that counts what is read."""

    reads = 0

    async def read(
        self, work: Callable[Concatenate[SqlConnection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        self.reads += 1
        return await super().read(work, *args, **kwargs)


async def test_replicas_ask_now_and_then_and_whoever_switches_waits_for_them() -> None:
    """So none of them takes a push any more when the command returns."""
    database, began = Counting(), time.monotonic()
    here, there = (Metadata(database, read_only_staleness=0.2) for _ in range(2))
    for _ in range(50):
        assert await there.read_only.find() is None
    assert database.reads <= 1 + (time.monotonic() - began) // 0.2
    database.reads = 0
    await here.read_only.set(by_alice())
    assert await there.read_only.find() == by_alice()
    await here.read_only.set(None)
    assert await there.read_only.find() is None
    assert database.reads == 2


class Overtaken(MemoryDatabase):
    """A database whose first answer comes late."""

    def __init__(self) -> None:
        super().__init__()
        self.late = asyncio.Event()
        self.reads = 0

    async def read(
        self, work: Callable[Concatenate[SqlConnection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        self.reads += 1
        is_first = self.reads == 1
        answer = await super().read(work, *args, **kwargs)
        if is_first:
            await self.late.wait()
        return answer


async def test_an_answer_that_comes_late_does_not_count_any_more() -> None:
    """What was asked later is known by then, and stays known."""
    database = Overtaken()
    switch = Metadata(database, read_only_staleness=60).read_only
    asking = asyncio.create_task(switch.find())
    await asyncio.sleep(0)
    await database.write(lambda connection: switch_on(connection, "read-only", by_alice()))
    assert await switch.find() == by_alice()
    database.late.set()
    assert await asking == by_alice()
    assert await switch.find() == by_alice()

"""Whole bodies that wait: in memory, on the disk, and in a queue to be worked on."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from lading.core.errors import Unavailable
from lading.edge.budget import BodyBudgets
from lading.edge.spool import Spool
from lading.system.room import Budget
from tests.support.open_things import threads


async def test_a_body_is_the_same_wherever_it_waits(tmp_path: Path) -> None:
    """In memory as long as it fits, on the disk from then on; nobody sees its file."""
    memory = Budget(10)
    with closing(Spool(BodyBudgets(memory, directory=tmp_path))) as spool:
        await spool.append(b"seven..")
        assert spool.open().descriptor is None
        assert not memory.has(4)
        await spool.append(b"eight...")
        assert spool.open().descriptor is not None
        assert memory.has(10)
        await spool.append(memoryview(b"more"))
        assert await spool.read() == b"seven..eight...more"
        assert spool.size == 19
        assert list(tmp_path.iterdir()) == []


async def test_what_a_body_took_is_given_back(tmp_path: Path) -> None:
    memory = Budget(10)
    with closing(Spool(BodyBudgets(memory, directory=tmp_path))) as spool:
        await spool.append(bytes(10))
        assert not memory.has(1)
    assert memory.has(10)


async def test_a_piece_that_is_overwritten_later_is_kept_as_it_was(tmp_path: Path) -> None:
    """Large bodies come in buffers that take turns."""
    buffer = bytearray(b"first")
    with closing(Spool(BodyBudgets(Budget(10), directory=tmp_path))) as spool:
        await spool.append(memoryview(buffer))
        buffer[:] = b"wrong"
        assert await spool.read() == b"first"


async def test_a_disk_that_cannot_be_written_to_is_not_needed(tmp_path: Path) -> None:
    """Data may be served read-only; the system has a place for such files."""
    with closing(Spool(BodyBudgets(Budget(0), directory=tmp_path / "missing"))) as spool:
        await spool.append(b"body")
        assert await spool.read() == b"body"


async def test_the_disk_is_not_filled_by_what_waits(tmp_path: Path) -> None:
    budgets = BodyBudgets(Budget(0), Budget(10), directory=tmp_path)
    with closing(Spool(budgets)) as first:
        await first.append(bytes(8))
        with closing(Spool(budgets)) as second, pytest.raises(Unavailable, match="try again"):
            await second.append(bytes(8))
    with closing(Spool(budgets)) as third:
        await third.append(bytes(10))


async def test_of_bodies_on_the_disk_one_is_freed_at_a_time(tmp_path: Path) -> None:
    """Many clients may leave at once, and what each of them has left takes a processor."""
    budgets = BodyBudgets(Budget(0), Budget(80), directory=tmp_path)
    before = threads()
    spools = [Spool(budgets) for _ in range(20)]
    await asyncio.gather(*(spool.append(b"body") for spool in spools))

    for spool in spools:
        spool.close()

    assert len(threads() - before) <= 1
    while not budgets.disk.has(80):
        await asyncio.sleep(0.001)

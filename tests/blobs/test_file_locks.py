"""Locks as files: in which order those get them who wait, and what their waiting costs."""

import asyncio
import fcntl
import time
from pathlib import Path

import pytest

from lading.blobs.file_locks import FileLocks
from lading.core.digest import Digest

DIGEST = Digest.of(b"locked")
HELD = 0.005


async def hold(locks: FileLocks, name: str, seen: list[str]) -> None:
    """Have the lock for as long as a commit may."""
    async with locks.lock(DIGEST):
        seen.append(name)
        await asyncio.sleep(HELD)


async def test_requests_of_a_worker_have_a_lock_in_their_order(tmp_path: Path) -> None:
    """Who comes while others have waited for long is behind them."""
    locks, seen, waiting = FileLocks.below(tmp_path), list[str](), list[asyncio.Task[None]]()
    names = [str(number) for number in range(40)]
    for name in names:
        waiting.append(asyncio.create_task(hold(locks, name, seen)))
        await asyncio.sleep(HELD / 2)
    await asyncio.gather(*waiting)
    assert seen == names


async def test_many_requests_of_one_worker_keep_another_worker_waiting_for_few(
    tmp_path: Path,
) -> None:
    """However long the other one has waited."""
    busy, other, seen = FileLocks.below(tmp_path), FileLocks.below(tmp_path), list[str]()
    many = [asyncio.create_task(hold(busy, "busy", seen)) for _ in range(300)]
    await asyncio.sleep(0)
    await asyncio.gather(*(hold(other, "other", seen) for _ in range(5)))
    assert seen.count("busy") < 100
    await asyncio.gather(*many)


async def test_of_those_who_wait_in_a_worker_one_asks_and_that_less_and_less_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hundreds wait together where the database is busy for seconds, and others want the loop."""
    flock, tries = fcntl.flock, list[float]()

    def noting(descriptor: int, operation: int) -> None:
        tries.append(time.monotonic())
        flock(descriptor, operation)

    locks = FileLocks.below(tmp_path)
    async with FileLocks.below(tmp_path).lock(DIGEST):
        monkeypatch.setattr(fcntl, "flock", noting)
        first = asyncio.create_task(hold(locks, "first", []))
        others = [asyncio.create_task(hold(locks, "other", [])) for _ in range(200)]
        await asyncio.sleep(0.5)
        assert 2 <= len(tries) <= 80
        for each in others:
            each.cancel()
        released = time.monotonic()
    await first
    assert tries[-1] - released < 5


async def test_who_gives_up_waiting_lets_the_next_one_ask(tmp_path: Path) -> None:
    locks, seen = FileLocks.below(tmp_path), list[str]()
    async with FileLocks.below(tmp_path).lock(DIGEST):
        first, second = (asyncio.create_task(hold(locks, name, seen)) for name in ("1", "2"))
        await asyncio.sleep(0.01)
        first.cancel()
        await asyncio.sleep(0.01)
    await asyncio.wait_for(second, 60)
    assert seen == ["2"]

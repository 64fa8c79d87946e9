"""What every adapter of `Locks` promises, sentence by sentence."""

import asyncio

import pytest

from lading.core.digest import Digest
from lading.ports.blobs import Locks

WRONG = Digest.of(b"something else")


async def test_the_lock_of_a_blob_is_held_against_all_workers(
    locks: Locks, other_locks: Locks
) -> None:
    """Whoever comes second waits, and gets it as soon as it is free."""
    events: list[str] = []

    async def hold(locks: Locks, name: str) -> None:
        async with locks.lock(WRONG):
            events.append(f"{name} has it")
            await asyncio.sleep(0.02)
            events.append(f"{name} is done")

    await asyncio.gather(*(hold(each, "one") for each in [locks, other_locks] * 3))

    assert events == ["one has it", "one is done"] * 6


async def test_the_lock_is_free_after_a_failure(locks: Locks, other_locks: Locks) -> None:
    """Of who held it, or of who waited for it."""
    with pytest.raises(ConnectionError):
        async with locks.lock(WRONG):
            raise ConnectionError
    async with other_locks.lock(WRONG):
        waiting = asyncio.create_task(locks.lock(WRONG).__aenter__())
        await asyncio.sleep(0.02)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    async with asyncio.timeout(60), locks.lock(WRONG):
        pass


async def test_blobs_that_somebody_holds_are_left_out(locks: Locks, other_locks: Locks) -> None:
    """Locking many at once never waits."""
    held, free = Digest.of(b"hello"), Digest.of(b"other")
    async with other_locks.lock(held), locks.lock_free([held, free]) as free_:
        assert free_ == [free]
        async with asyncio.timeout(60), other_locks.lock_free([free]) as also_free:
            assert also_free == []
    async with locks.lock_free([held, free]) as free_:
        assert free_ == [held, free]

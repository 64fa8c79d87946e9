"""What every adapter of `Locks` promises, sentence by sentence."""

import asyncio

import pytest

from lading.blobs.stores import Stores
from lading.core.digest import Digest

WRONG = Digest.of(b"something else")


async def test_the_lock_of_a_blob_is_held_against_all_workers(
    stores: Stores, others: Stores
) -> None:
    """Whoever comes second waits, and gets it as soon as it is free."""
    events: list[str] = []

    async def hold(store: Stores, name: str) -> None:
        async with store.locks.lock(WRONG):
            events.append(f"{name} has it")
            await asyncio.sleep(0.02)
            events.append(f"{name} is done")

    await asyncio.gather(*(hold(store, "one") for store in [stores, others] * 3))

    assert events == ["one has it", "one is done"] * 6


async def test_the_lock_is_free_after_a_failure(stores: Stores, others: Stores) -> None:
    """Of who held it, or of who waited for it."""
    with pytest.raises(ConnectionError):
        async with stores.locks.lock(WRONG):
            raise ConnectionError
    async with others.locks.lock(WRONG):
        waiting = asyncio.create_task(stores.locks.lock(WRONG).__aenter__())
        await asyncio.sleep(0.02)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    async with asyncio.timeout(5), stores.locks.lock(WRONG):
        pass


async def test_blobs_that_somebody_holds_are_left_out(stores: Stores, others: Stores) -> None:
    """Locking many at once never waits."""
    held, free = Digest.of(b"hello"), Digest.of(b"other")
    async with others.locks.lock(held), stores.locks.lock_free([held, free]) as free_:
        assert free_ == [free]
        async with asyncio.timeout(5), others.locks.lock_free([free]) as also_free:
            assert also_free == []
    async with stores.locks.lock_free([held, free]) as free_:
        assert free_ == [held, free]

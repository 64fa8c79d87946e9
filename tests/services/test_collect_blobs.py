"""Collecting blobs: how much is done at once while pushes may wait for it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from lading.core.digest import Digest
from lading.core.garbage import GarbageBlob
from lading.services import collect_blobs
from tests.support.people import People


@pytest.fixture
async def locked(people: People, monkeypatch: pytest.MonkeyPatch) -> list[Sequence[Digest]]:
    """What is locked at once, each time."""
    found: list[Sequence[Digest]] = []
    lock_free = people.locks.lock_free

    @asynccontextmanager
    async def noting(digests: Sequence[Digest]) -> AsyncIterator[Sequence[Digest]]:
        found.append(digests)
        async with lock_free(digests) as free:
            yield free

    monkeypatch.setattr(people.locks, "lock_free", noting)
    return found


def sorted_garbage(number: int, size: int) -> list[GarbageBlob]:
    """Garbage in the order of its digests."""
    digests = [Digest.of(b"%d" % name) for name in range(number)]
    return [GarbageBlob(digest, size) for digest in sorted(digests, key=lambda each: each.hex)]


async def remove(people: People, garbage: Sequence[GarbageBlob]) -> None:
    async for _ in collect_blobs.remove(people.registry, garbage):
        pass


async def test_few_locks_are_held_at_once(people: People, locked: list[Sequence[Digest]]) -> None:
    """Each may be an open file, of which a process has not many."""
    garbage = sorted_garbage(500, 1)
    await remove(people, garbage)

    assert [digest for batch in locked for digest in batch] == [blob.digest for blob in garbage]
    assert max(len({digest.hex[:2] for digest in batch}) for batch in locked) == collect_blobs.LOCKS


async def test_few_bytes_go_under_a_lock(people: People, locked: list[Sequence[Digest]]) -> None:
    """A disk takes its time to free them."""
    garbage = sorted_garbage(10, collect_blobs.BYTES // 2)
    await remove(people, garbage)

    assert [len(batch) for batch in locked] == [2] * 5


async def test_many_small_ones_go_together(people: People, locked: list[Sequence[Digest]]) -> None:
    """As each transaction is a sync."""
    await remove(people, sorted_garbage(5000, 1))

    assert max(map(len, locked)) == collect_blobs.BATCH

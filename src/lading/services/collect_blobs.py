"""Collection of blobs: rows and bytes, under the locks of their digests.

Pushes wait for these locks, and each may be an open file. So what is done while they are held is
bounded: in rows, in locks, and in bytes, which a disk takes its time to free.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence

from lading.core.digest import Digest
from lading.core.garbage import GarbageBlob
from lading.services.registry import Registry

# Blobs that are removed in one go, as long as they are of so few beginnings of digests, and have so
# few bytes.
BATCH = 200
LOCKS = 32
BYTES = 256 * 1024 * 1024


async def remove(registry: Registry, blobs: Iterable[GarbageBlob]) -> AsyncIterator[GarbageBlob]:
    """Remove blobs that are still garbage; yields each that went.

    What others have locked is waited for, one by one.

    Args:
        blobs: by their digests without the algorithms, as neighbours share a lock.
    """
    busy: list[GarbageBlob] = []
    for batch in _neighbours(blobs):
        by_digest = {blob.digest: blob for blob in batch}
        async with registry.locks.lock_free(list(by_digest)) as free:
            removed = await remove_locked(registry, free)
        for digest in removed:
            yield by_digest[digest]
        busy += (by_digest[digest] for digest in set(by_digest).difference(free))
        if len(busy) >= BATCH:
            async for blob in _wait_for(registry, busy):
                yield blob
            busy.clear()
    async for blob in _wait_for(registry, busy):
        yield blob


async def _wait_for(registry: Registry, busy: Sequence[GarbageBlob]) -> AsyncIterator[GarbageBlob]:
    """Collect blobs that others had locked."""
    for blob in busy:
        async with registry.locks.lock(blob.digest):
            removed = await remove_locked(registry, [blob.digest])
        if removed:
            yield blob


async def remove_locked(
    registry: Registry, digests: Sequence[Digest], *, departed: bool = False
) -> Sequence[Digest]:
    """Remove locked blobs as `remove_blobs` does, and return them.

    The note of that goes as well: one that comes later is of another deletion.
    """
    now, collection = registry.clock(), registry.metadata.collection
    removed = await collection.remove_blobs(digests, now=now, departed=departed)
    await registry.blobs.delete(removed)
    await collection.end_deletions(removed)
    return removed


def _neighbours(blobs: Iterable[GarbageBlob]) -> Iterator[Sequence[GarbageBlob]]:
    """Sorted blobs, as many at once as may be removed under their locks."""
    batch: list[GarbageBlob] = []
    places, size = set[str](), 0
    for blob in blobs:
        place = blob.digest.hex[:2]
        is_full = len(batch) >= BATCH or size >= BYTES
        if batch and (is_full or len(places | {place}) > LOCKS):
            yield batch
            batch, places, size = [], set(), 0
        batch.append(blob)
        places.add(place)
        size += blob.size
    if batch:
        yield batch

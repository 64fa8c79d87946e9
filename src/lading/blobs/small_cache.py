"""The cache of small blobs: configurations, and the layers of little programs, kept in memory.

Half of all layers are small, and for them opening a file costs more than sending it. What a digest
names never changes, so what is kept cannot be out of date; whether it may be pulled, a row says.
"""

from collections.abc import AsyncIterator, Callable, Sequence

from lading.blobs.disk import translating
from lading.core.digest import Digest
from lading.core.recent import Recent
from lading.core.typing import override
from lading.ports.blob_sources import BlobSource, InMemory, LocalFile
from lading.ports.blobs import Blobs, KnownSegments, StoredBytes
from lading.ports.measures import UNMEASURED, Count, Measures
from lading.ports.object_sources import Chunks, LostObject

# Bytes up to which a blob is small.
LARGEST = 64 * 1024
# Bytes that are kept, by each worker, with what Python takes beside each blob: the smallest are not
# to be kept by the million.
CAPACITY = 16 * 1024 * 1024
BESIDE = 512


class SmallBlobCache(Blobs):
    """A store around a store: it verifies small blobs and keeps the last, up to a capacity."""

    def __init__(
        self, store: Blobs, capacity: int = CAPACITY, measures: Measures = UNMEASURED
    ) -> None:
        self._store = store
        self._measures = measures
        self._kept: Recent[Digest, InMemory] = Recent(capacity, lambda kept: kept.size + BESIDE)

    @override
    async def find(self, digest: Digest, segments: KnownSegments = None) -> BlobSource | None:
        kept = self._kept.get(digest)
        if kept is not None:
            self._measures.count(Count.CACHE_HITS)
            return kept
        found = await self._store.find(digest, segments)
        if isinstance(found, LocalFile | Chunks) and found.size <= LARGEST:
            return await self._load(digest, found)
        return found

    @override
    async def stat(
        self, digest: Digest, *, closely: bool = False, segments: KnownSegments = None
    ) -> StoredBytes | None:
        return await self._store.stat(digest, closely=closely, segments=segments)

    @override
    async def hash(self, digest: Digest, on_read: Callable[[int], None]) -> Digest | None:
        return await self._store.hash(digest, on_read)

    @override
    def digests(self) -> AsyncIterator[Digest]:
        return self._store.digests()

    @override
    async def delete(self, digests: Sequence[Digest]) -> None:
        await self._store.delete(digests)
        for digest in digests:
            self._kept.pop(digest)

    @override
    async def quarantine(self, digest: Digest) -> str | None:
        self._kept.pop(digest)
        return await self._store.quarantine(digest)

    @override
    async def referred_to(self, digests: Sequence[Digest]) -> frozenset[Digest]:
        return await self._store.referred_to(digests)

    @override
    async def is_shared(self) -> bool:
        return await self._store.is_shared()

    async def _load(self, digest: Digest, source: LocalFile | Chunks) -> InMemory | None:
        """The bytes of a blob, kept from now on; `None` for others, so that they are mended."""
        self._measures.count(Count.CACHE_MISSES)
        with translating(), source.open() as opened:
            try:
                data = bytes(await opened.read(0, source.size))
            except LostObject:
                return None
        if not digest.names(data):
            return None
        kept = InMemory(data)
        self._kept.put(digest, kept)
        return kept

"""The adapter of blobs in an object store: rows say which objects each is."""

import logging
from collections.abc import AsyncIterator, Callable, Sequence

from lading.blobs.hashing import RunningHash
from lading.blobs.s3.object_room import ObjectRoom
from lading.core.digest import Digest
from lading.core.typing import override
from lading.ports.blob_sources import all_bytes
from lading.ports.blobs import Blobs, KnownSegments, StoredBytes
from lading.ports.object_sources import Chunks, LostObject
from lading.ports.objects import PlacedSegment

log = logging.getLogger(__name__)

# Blobs asked for at once.
PAGE = 1000


class S3Blobs(Blobs):
    """Blobs in an object store."""

    def __init__(self, room: ObjectRoom) -> None:
        self._room = room

    @override
    async def find(self, digest: Digest, segments: KnownSegments = None) -> Chunks | None:
        if segments is None:
            segments = await self._room.objects.find(digest)
        if not segments:
            return None
        return self._room.store.chunks(segments)

    @override
    async def stat(
        self, digest: Digest, *, closely: bool = False, segments: KnownSegments = None
    ) -> StoredBytes | None:
        if segments is None:
            segments = await self._room.objects.find(digest)
        if not segments:
            return None
        size = sum(segment.size for segment in segments)
        if closely and (there := await self._size_there(segments)) != size:
            if there is None:
                return None
            size = there
        return StoredBytes(size, max(item.stored_at for item in segments), _version(segments))

    @override
    async def hash(self, digest: Digest, on_read: Callable[[int], None]) -> Digest | None:
        segments = await self._room.objects.find(digest)
        if not segments:
            return None
        running = RunningHash.start(digest.algorithm)
        try:
            async with all_bytes(self._room.store.chunks(segments)) as pieces:
                async for piece in pieces:
                    await self._room.hashing.start(running.update, piece)
                    on_read(len(piece))
        except LostObject as error:
            log.warning("the bytes of %s cannot be read: %s", digest, error)
            return None
        return running.digest()

    @override
    async def digests(self) -> AsyncIterator[Digest]:
        after = ""
        while page := await self._room.objects.page(after=after, limit=PAGE):
            for digest in page:
                yield digest
            after = page[-1]

    @override
    async def delete(self, digests: Sequence[Digest]) -> None:
        if digests:
            # Who reads them, or was sent to them, goes on: the objects go later (`unused_objects`).
            await self._room.objects.unuse(digests, self._room.clock())

    @override
    async def quarantine(self, digest: Digest) -> str | None:
        keys = await self._room.objects.quarantine(digest)
        return f"objects of their own ({', '.join(keys)})" if keys else None

    async def _size_there(self, segments: Sequence[PlacedSegment]) -> int | None:
        """How many bytes the store has of the segments; `None` if one is not there."""
        size = 0
        for segment in segments:
            there = await self._room.store.size_of(segment.key)
            if there is None:
                return None
            size += there
        return size


def _version(segments: Sequence[PlacedSegment]) -> int:
    """Another number for other objects, which every worker finds."""
    return int.from_bytes("".join(item.key for item in segments).encode()[-8:])

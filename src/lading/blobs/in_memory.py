"""The adapters of blobs, uploads and locks in memory: for tests, and for `storage: inmemory`."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from lading.core.digest import Bytes, Digest
from lading.core.errors import DigestMismatch, UploadOutOfOrder, UploadUnknown
from lading.core.names import Owner, UploadKey
from lading.core.typing import override
from lading.ports.blob_sources import InMemory
from lading.ports.blobs import Blobs, KnownSegments, Locks, StoredBytes
from lading.ports.uploads import WRONG_DIGESTS, Staged, StagedUpload, Uploads


class InMemoryBlobs(Blobs):
    """Blobs in memory."""

    def __init__(self) -> None:
        self._blobs: dict[Digest, bytes] = {}
        self._quarantine: dict[Digest, bytes] = {}

    def put(self, digest: Digest, data: bytes) -> None:
        """Store a blob."""
        self._blobs[digest] = data

    @override
    async def find(self, digest: Digest, segments: KnownSegments = None) -> InMemory | None:
        data = self._blobs.get(digest)
        return None if data is None else InMemory(data)

    @override
    async def stat(
        self, digest: Digest, *, closely: bool = False, segments: KnownSegments = None
    ) -> StoredBytes | None:
        data = self._blobs.get(digest)
        return None if data is None else StoredBytes(len(data), 0, hash(data))  # as old as can be

    @override
    async def hash(self, digest: Digest, on_read: Callable[[int], None]) -> Digest | None:
        data = self._blobs.get(digest)
        if data is None:
            return None
        on_read(len(data))
        return Digest.of(data, digest.algorithm)

    @override
    async def digests(self) -> AsyncIterator[Digest]:
        for digest in list(self._blobs):
            yield digest

    @override
    async def delete(self, digests: Sequence[Digest]) -> None:
        for digest in digests:
            self._blobs.pop(digest, None)

    @override
    async def quarantine(self, digest: Digest) -> str | None:
        if digest not in self._blobs:
            return None
        self._quarantine[digest] = self._blobs.pop(digest)
        return "the memory of this process"


class InMemoryUploads(Uploads):
    """Uploads in memory, which become blobs there."""

    def __init__(self, blobs: InMemoryBlobs) -> None:
        self._blobs = blobs
        self._uploads: dict[UploadKey, InMemoryUpload] = {}
        self._unsettled: dict[tuple[UploadKey, Digest], int] = {}

    @override
    async def require_space(self, size: int) -> None:
        pass  # who runs out of memory is not told by numbers

    @override
    async def begin(
        self, upload: UploadKey, *, algorithm: str, now: float, most: int | None = None
    ) -> bool:
        if most is not None and await self.count(upload.owner) >= most:
            return False
        self._uploads[upload] = InMemoryUpload(self, upload, now)
        return True

    @override
    @asynccontextmanager
    async def stage(
        self, upload: UploadKey, *, algorithm: str | None = None
    ) -> AsyncIterator["InMemoryUpload"]:
        staged = self.require(upload)
        if staged.is_open:
            raise UploadOutOfOrder(
                "another request is writing to this upload; ask for its status, then go on",
                staged.size,
            )
        staged.is_open = True
        try:
            yield staged
        finally:
            staged.is_open = False

    @override
    async def size(self, upload: UploadKey) -> int:
        return self.require(upload).size

    @override
    async def settle(self, upload: UploadKey, digest: Digest) -> None:
        self._unsettled.pop((upload, digest), None)

    @override
    async def discard(self, upload: UploadKey) -> None:
        self._uploads.pop(upload, None)

    @override
    async def count(self, owner: Owner) -> int:
        return sum(upload.owner == owner for upload in self._uploads)

    @override
    async def count_all(self, now: float) -> int:
        return len(self._uploads)

    @override
    async def list_all(self) -> Sequence[Staged]:
        begun = self._uploads.items()
        committed = self._unsettled.items()
        return [
            *(Staged(upload, staged.size, staged.active_at) for upload, staged in begun),
            *(Staged(upload, size, 0, digest) for (upload, digest), size in committed),
        ]

    @override
    async def tidy(self, before: float) -> None:
        pass  # what is over is gone

    def become_blob(self, upload: UploadKey, digest: Digest) -> None:
        """Store the bytes of an upload as a blob's."""
        staged = self.require(upload)
        self._blobs.put(digest, bytes(staged.data))
        del self._uploads[upload]
        self._unsettled[upload, digest] = staged.size

    def require(self, upload: UploadKey) -> "InMemoryUpload":
        """An upload that was begun, and is not over; else `UploadUnknown`."""
        if upload not in self._uploads:
            raise UploadUnknown
        return self._uploads[upload]


class InMemoryUpload(StagedUpload):
    """An upload in memory: its data, until a commit, and whether a request is writing to it."""

    def __init__(self, uploads: InMemoryUploads, key: UploadKey, active_at: float) -> None:
        self._uploads = uploads
        self._key = key
        self._wrong_digests = 0
        self.active_at = active_at
        self.data = bytearray()
        self.is_open = False
        self.size = 0

    @override
    async def touch(self, now: float) -> None:
        self.active_at = now

    @override
    async def write(self, data: Bytes) -> None:
        self.data += data
        self.size = len(self.data)

    @override
    async def finish(self) -> None:
        self._uploads.require(self._key)

    @override
    async def rewind(self, size: int) -> None:
        del self.data[size:]
        self.size = len(self.data)

    @override
    async def verify(self, digest: Digest) -> None:
        actual = Digest.of(bytes(self.data), digest.algorithm)
        if actual == digest:
            return
        self._wrong_digests += 1
        if self._wrong_digests == WRONG_DIGESTS:
            await self._uploads.discard(self._key)
        raise DigestMismatch("", {"expected": digest, "actual": actual})

    @override
    async def commit(self, digest: Digest) -> None:
        await self.verify(digest)
        self._uploads.become_blob(self._key, digest)


class InMemoryLocks(Locks):
    """Locks in memory."""

    def __init__(self) -> None:
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @override
    def lock(self, digest: Digest) -> asyncio.Lock:
        return self._locks[digest.hex[:2]]

    @override
    @asynccontextmanager
    async def lock_free(self, digests: Sequence[Digest]) -> AsyncIterator[Sequence[Digest]]:
        free = {digest.hex[:2] for digest in digests if not self._locks[digest.hex[:2]].locked()}
        async with AsyncExitStack() as stack:
            for shard in free:
                await stack.enter_async_context(self._locks[shard])
            yield [digest for digest in digests if digest.hex[:2] in free]

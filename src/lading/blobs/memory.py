"""Blobs in memory: for tests, and for `storage: inmemory`."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from lading.core.digest import Bytes, Digest
from lading.core.errors import DigestMismatch, UploadOutOfOrder, UploadUnknown
from lading.core.names import UploadId
from lading.ports import Memory, Staged, StoredBytes, Upload


class MemoryBlobs:
    """See `lading.ports.BlobStore`."""

    def __init__(self) -> None:
        self._blobs: dict[Digest, bytes] = {}
        self._uploads: dict[UploadId, bytearray] = {}
        self._staged: set[UploadId] = set()
        self._quarantine: dict[Digest, bytes] = {}
        self._unsettled: set[tuple[UploadId, Digest]] = set()
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def begin(self, upload: UploadId) -> None:
        """See `BlobStore.begin`."""
        self._uploads[upload] = bytearray()

    async def require_space(self, size: int) -> None:
        """See `BlobStore.require_space`. Who runs out of memory is not told by numbers."""

    @asynccontextmanager
    async def stage(self, upload: Upload) -> AsyncIterator["StagedMemory"]:
        """See `BlobStore.stage`."""
        data = self._staged_bytes(upload.id)
        if upload.id in self._staged:
            raise UploadOutOfOrder(
                "another request is writing to this upload; ask for its status, then go on",
                len(data),
            )
        self._staged.add(upload.id)
        try:
            yield StagedMemory(self, upload.id, data)
        finally:
            self._staged.discard(upload.id)

    async def staged_size(self, upload: UploadId) -> int:
        """See `BlobStore.staged_size`."""
        return len(self._staged_bytes(upload))

    async def settle(self, upload: UploadId, digest: Digest) -> None:
        """See `BlobStore.settle`."""
        self._unsettled.discard((upload, digest))

    async def list_staged(self) -> Sequence[Staged]:
        """See `BlobStore.list_staged`."""
        return [
            *(Staged(upload, len(data)) for upload, data in self._uploads.items()),
            *(
                Staged(upload, len(self._blobs.get(digest, b"")), digest)
                for upload, digest in self._unsettled
            ),
        ]

    async def discard(self, upload: UploadId) -> None:
        """See `BlobStore.discard`."""
        self._uploads.pop(upload, None)

    async def find(self, digest: Digest) -> Memory | None:
        """See `BlobStore.find`."""
        data = self._blobs.get(digest)
        return None if data is None else Memory(data)

    async def read_small(self, digest: Digest, size: int) -> Memory | None:  # noqa: ARG002 - all are
        """See `BlobStore.read_small`."""
        return await self.find(digest)

    async def delete(self, digests: Sequence[Digest]) -> None:
        """See `BlobStore.delete`."""
        for digest in digests:
            self._blobs.pop(digest, None)

    @asynccontextmanager
    async def lock(self, digest: Digest) -> AsyncIterator[None]:
        """See `BlobStore.lock`."""
        async with self._locks[digest.hex[:2]]:
            yield

    @asynccontextmanager
    async def lock_idle(self, digests: Sequence[Digest]) -> AsyncIterator[Sequence[Digest]]:
        """See `BlobStore.lock_idle`."""
        idle = {digest.hex[:2] for digest in digests if not self._locks[digest.hex[:2]].locked()}
        async with AsyncExitStack() as stack:
            for shard in idle:
                await stack.enter_async_context(self._locks[shard])
            yield [digest for digest in digests if digest.hex[:2] in idle]

    async def digests(self) -> AsyncIterator[Digest]:
        """See `BlobStore.digests`."""
        for digest in list(self._blobs):
            yield digest

    async def examine(self, digests: Sequence[Digest]) -> Mapping[Digest, StoredBytes]:
        """See `BlobStore.examine`. All bytes are as old as can be."""
        return {
            digest: StoredBytes(len(self._blobs[digest]), 0)
            for digest in digests
            if digest in self._blobs
        }

    async def hash(self, digest: Digest, on_read: Callable[[int], None]) -> Digest | None:
        """See `BlobStore.hash`."""
        data = self._blobs.get(digest)
        if data is None:
            return None
        on_read(len(data))
        return Digest.of(data, digest.algorithm)

    async def quarantine(self, digest: Digest) -> str | None:
        """See `BlobStore.quarantine`."""
        if digest not in self._blobs:
            return None
        self._quarantine[digest] = self._blobs.pop(digest)
        return "the memory of this process"

    async def close(self) -> None:
        """See `BlobStore.close`."""

    def store(self, upload: UploadId, digest: Digest) -> None:
        """The upload becomes a blob."""
        self._blobs[digest] = bytes(self._staged_bytes(upload))
        del self._uploads[upload]
        self._unsettled.add((upload, digest))

    def _staged_bytes(self, upload: UploadId) -> bytearray:
        if upload not in self._uploads:
            raise UploadUnknown
        return self._uploads[upload]


class StagedMemory:
    """See `lading.ports.StagedUpload`."""

    def __init__(self, store: MemoryBlobs, upload: UploadId, data: bytearray) -> None:
        self._store = store
        self._upload = upload
        self._data = data

    @property
    def size(self) -> int:
        """See `StagedUpload.size`."""
        return len(self._data)

    async def write(self, data: Bytes) -> None:
        """See `StagedUpload.write`."""
        self._data += data

    async def rewind(self, size: int) -> None:
        """See `StagedUpload.rewind`. After a commit the bytes changed here are nobody's."""
        del self._data[size:]

    async def commit(self, digest: Digest) -> None:
        """See `StagedUpload.commit`."""
        actual = Digest.of(bytes(self._data), digest.algorithm)
        if actual != digest:
            raise DigestMismatch("", {"expected": digest, "actual": actual})
        self._store.store(self._upload, digest)

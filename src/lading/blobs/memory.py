"""Blobs in memory: for tests, and for `storage: inmemory`."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from lading.core.digest import Bytes, Digest
from lading.core.errors import DigestMismatch, UploadOutOfOrder, UploadUnknown
from lading.core.names import Owner, UploadKey
from lading.ports.blobs import WRONG_DIGESTS, Memory, Staged, StoredBytes


class MemoryBlobs:
    """See `lading.ports.blobs.BlobStore`."""

    small = 0

    def __init__(self) -> None:
        self._blobs: dict[Digest, bytes] = {}
        self._uploads: dict[UploadKey, _Upload] = {}
        self._staged: set[UploadKey] = set()
        self._quarantine: dict[Digest, bytes] = {}
        self._unsettled: set[tuple[UploadKey, Digest]] = set()
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def begin(self, upload: UploadKey, *, algorithm: str, now: float) -> None:  # noqa: ARG002
        """See `BlobStore.begin`. What is at hand is hashed in the end."""
        self._uploads[upload] = _Upload(now)

    async def require_space(self, size: int) -> None:
        """See `BlobStore.require_space`. Who runs out of memory is not told by numbers."""

    @asynccontextmanager
    async def stage(
        self,
        upload: UploadKey,
        *,
        algorithm: str | None = None,  # noqa: ARG002 - what is at hand is hashed in the end
    ) -> AsyncIterator["StagedMemory"]:
        """See `BlobStore.stage`."""
        found = self._find(upload)
        if upload in self._staged:
            raise UploadOutOfOrder(
                "another request is writing to this upload; ask for its status, then go on",
                len(found.data),
            )
        self._staged.add(upload)
        try:
            yield StagedMemory(self, upload, found)
        finally:
            self._staged.discard(upload)

    async def staged_size(self, upload: UploadKey) -> int:
        """See `BlobStore.staged_size`."""
        return len(self._find(upload).data)

    async def settle(self, upload: UploadKey, digest: Digest) -> None:
        """See `BlobStore.settle`."""
        self._unsettled.discard((upload, digest))

    async def count_staged(self, owner: Owner) -> int:
        """See `BlobStore.count_staged`."""
        return sum(upload.owner == owner for upload in self._uploads)

    async def count_all_staged(self, now: float) -> int:  # noqa: ARG002 - it is known all the time
        """See `BlobStore.count_all_staged`."""
        return len(self._uploads)

    async def tidy(self, before: float) -> None:
        """See `BlobStore.tidy`. What is over is gone."""

    async def list_staged(self) -> Sequence[Staged]:
        """See `BlobStore.list_staged`."""
        return [
            *(
                Staged(upload, len(found.data), found.active_at)
                for upload, found in self._uploads.items()
            ),
            *(
                Staged(upload, len(self._blobs.get(digest, b"")), 0, digest)
                for upload, digest in self._unsettled
            ),
        ]

    async def discard(self, upload: UploadKey) -> None:
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

    async def referred_to(self, digests: Sequence[Digest]) -> frozenset[Digest]:  # noqa: ARG002
        """See `BlobStore.referred_to`. Nobody else reaches what is in here."""
        return frozenset()

    async def is_shared(self) -> bool:
        """See `BlobStore.is_shared`."""
        return False

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
            digest: StoredBytes(len(self._blobs[digest]), 0, hash(self._blobs[digest]))
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

    def store(self, upload: UploadKey, digest: Digest) -> None:
        """The upload becomes a blob."""
        self._blobs[digest] = bytes(self._find(upload).data)
        del self._uploads[upload]
        self._unsettled.add((upload, digest))

    def _find(self, upload: UploadKey) -> "_Upload":
        if upload not in self._uploads:
            raise UploadUnknown
        return self._uploads[upload]


@dataclass(slots=True)
class _Upload:
    active_at: float
    data: bytearray = field(default_factory=bytearray)
    wrong_digests: int = 0


class StagedMemory:
    """See `lading.ports.blobs.StagedUpload`."""

    def __init__(self, store: MemoryBlobs, key: UploadKey, upload: _Upload) -> None:
        self._store = store
        self._key = key
        self._upload = upload
        self.active_at = upload.active_at

    @property
    def size(self) -> int:
        """See `StagedUpload.size`."""
        return len(self._upload.data)

    async def touch(self, now: float) -> None:
        """See `StagedUpload.touch`."""
        self._upload.active_at = now

    async def write(self, data: Bytes) -> None:
        """See `StagedUpload.write`."""
        self._upload.data += data

    async def finish(self) -> None:
        """See `StagedUpload.finish`."""

    async def rewind(self, size: int) -> None:
        """See `StagedUpload.rewind`. After a commit the bytes changed here are nobody's."""
        del self._upload.data[size:]

    async def verify(self, digest: Digest) -> None:
        """See `StagedUpload.verify`."""
        actual = Digest.of(bytes(self._upload.data), digest.algorithm)
        if actual == digest:
            return
        self._upload.wrong_digests += 1
        if self._upload.wrong_digests == WRONG_DIGESTS:
            await self._store.discard(self._key)
        raise DigestMismatch("", {"expected": digest, "actual": actual})

    async def commit(self, digest: Digest) -> None:
        """See `StagedUpload.commit`."""
        await self.verify(digest)
        self._store.store(self._key, digest)

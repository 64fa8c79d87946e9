"""Stores of bytes that are watched: how long what they are asked takes, and what fails."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any

from lading.core.digest import Bytes, Digest
from lading.core.names import Owner, UploadKey
from lading.core.typing import override
from lading.monitoring.probes import Probe
from lading.ports.blob_sources import BlobSource
from lading.ports.blobs import Blobs, StoredBytes
from lading.ports.measures import Timing
from lading.ports.objects import PlacedSegment
from lading.ports.uploads import Becoming, Staged, StagedUpload, Uploads


class WatchedBlobs(Blobs):
    """Blobs whose store is watched, in what it does for requests and collections."""

    def __init__(self, blobs: Blobs, probe: Probe) -> None:
        self._blobs = blobs
        self._probe = probe

    @override
    async def find(
        self, digest: Digest, segments: Sequence[PlacedSegment] | None = None
    ) -> BlobSource | None:
        with self._probe(Timing.STORE_STAT):
            return await self._blobs.find(digest, segments)

    @override
    async def stat(
        self,
        digest: Digest,
        *,
        closely: bool = False,
        segments: Sequence[PlacedSegment] | None = None,
    ) -> StoredBytes | None:
        with self._probe(Timing.STORE_STAT):
            return await self._blobs.stat(digest, closely=closely, segments=segments)

    @override
    async def hash(self, digest: Digest, on_read: Callable[[int], None]) -> Digest | None:
        with self._probe(Timing.STORE_READER):
            return await self._blobs.hash(digest, on_read)

    @override
    def digests(self) -> AsyncIterator[Digest]:
        return self._blobs.digests()

    @override
    async def delete(self, digests: Sequence[Digest]) -> None:
        with self._probe(Timing.STORE_DELETE):
            await self._blobs.delete(digests)

    @override
    async def quarantine(self, digest: Digest) -> str | None:
        with self._probe(Timing.STORE_MOVE):
            return await self._blobs.quarantine(digest)

    @override
    async def referred_to(self, digests: Sequence[Digest]) -> frozenset[Digest]:
        return await self._blobs.referred_to(digests)

    @override
    async def is_shared(self) -> bool:
        return await self._blobs.is_shared()


class WatchedUploads(Uploads):
    """Uploads whose store is watched."""

    def __init__(self, uploads: Uploads, probe: Probe) -> None:
        self._uploads = uploads
        self._probe = probe
        self.small = uploads.small

    @override
    async def require_space(self, size: int) -> None:
        await self._uploads.require_space(size)

    @override
    async def begin(
        self, upload: UploadKey, *, algorithm: str, now: float, most: int | None = None
    ) -> bool:
        with self._probe(Timing.STORE_PUT_CONTENT):
            return await self._uploads.begin(upload, algorithm=algorithm, now=now, most=most)

    @override
    def stage(
        self, upload: UploadKey, *, algorithm: str | None = None
    ) -> AbstractAsyncContextManager[StagedUpload]:
        return _WatchedStage(self._uploads.stage(upload, algorithm=algorithm), self._probe)

    @override
    def commit_as_it_is(self, upload: UploadKey, digest: Digest) -> Becoming | None:
        return self._uploads.commit_as_it_is(upload, digest)

    @override
    async def append_small(self, upload: UploadKey, data: bytes) -> bool:
        with self._probe(Timing.STORE_PUT_CONTENT):
            return await self._uploads.append_small(upload, data)

    @override
    async def commit_small(self, upload: UploadKey, digest: Digest, data: bytes) -> Becoming | None:
        with self._probe(Timing.STORE_PUT_CONTENT):
            return await self._uploads.commit_small(upload, digest, data)

    @override
    async def size(self, upload: UploadKey) -> int:
        with self._probe(Timing.STORE_STAT):
            return await self._uploads.size(upload)

    @override
    async def settle(self, upload: UploadKey, digest: Digest) -> None:
        await self._uploads.settle(upload, digest)

    @override
    async def discard(self, upload: UploadKey) -> None:
        with self._probe(Timing.STORE_DELETE):
            await self._uploads.discard(upload)

    @override
    async def count(self, owner: Owner) -> int:
        return await self._uploads.count(owner)

    @override
    async def count_all(self, now: float) -> int:
        return await self._uploads.count_all(now)

    @override
    async def list_all(self) -> Sequence[Staged]:
        with self._probe(Timing.STORE_LIST):
            return await self._uploads.list_all()

    @override
    async def tidy(self, before: float) -> None:
        await self._uploads.tidy(before)


class _WatchedStage(AbstractAsyncContextManager[StagedUpload]):
    """The opening of a staged upload that is watched."""

    def __init__(self, stage: AbstractAsyncContextManager[StagedUpload], probe: Probe) -> None:
        self._stage = stage
        self._probe = probe

    async def __aenter__(self) -> StagedUpload:
        return _WatchedUpload(await self._stage.__aenter__(), self._probe)

    async def __aexit__(self, *error: Any) -> bool | None:
        return await self._stage.__aexit__(*error)


class _WatchedUpload(StagedUpload):
    """A staged upload that is watched."""

    def __init__(self, staged: StagedUpload, probe: Probe) -> None:
        self._staged = staged
        self._probe = probe
        self.size = staged.size
        self.active_at = staged.active_at

    @override
    async def touch(self, now: float) -> None:
        with self._during(Timing.STORE_STAT):
            await self._staged.touch(now)

    @override
    async def write(self, data: Bytes) -> None:
        with self._during(Timing.STORE_WRITER):
            await self._staged.write(data)

    @override
    async def finish(self) -> None:
        with self._during(Timing.STORE_WRITER):
            await self._staged.finish()

    @override
    async def rewind(self, size: int) -> None:
        with self._during(Timing.STORE_WRITER):
            await self._staged.rewind(size)

    @override
    async def verify(self, digest: Digest) -> None:
        with self._during(Timing.STORE_PUT_CONTENT):
            await self._staged.verify(digest)

    @override
    async def commit(self, digest: Digest) -> None:
        with self._during(Timing.STORE_MOVE):
            await self._staged.commit(digest)

    @override
    async def commit_by_rows(self, digest: Digest) -> Becoming | None:
        return await self._staged.commit_by_rows(digest)  # what moves is rows, in the database

    @override
    def end(self) -> None:
        self._staged.end()

    @contextmanager
    def _during(self, what: Timing) -> Iterator[None]:
        """A block after which the size is that of what there is now, whatever has failed."""
        try:
            with self._probe(what):
                yield
        finally:
            self.size = self._staged.size

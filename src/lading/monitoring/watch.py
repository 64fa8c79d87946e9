"""A watch over the database and the stores: how long what they are asked takes, and what fails.

Each wrapper is the port itself to whoever has it. Where nobody watches, there is none, and a call
costs nothing more.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, Concatenate

from lading.core.digest import Bytes, Digest
from lading.core.errors import StorageFull, Unavailable
from lading.core.names import Owner, UploadKey
from lading.core.typing import P, T, override
from lading.monitoring.probes import Both, Probe, Stopwatch
from lading.ports.blob_sources import BlobSource
from lading.ports.blobs import Blobs, StoredBytes
from lading.ports.database import Database, SqlConnection, Work
from lading.ports.measures import UNMEASURED, Count, Measures, Timing
from lading.ports.uploads import Becoming, Staged, StagedUpload, Uploads


class WatchedDatabase(Database):
    """A database that is watched."""

    def __init__(self, database: Database, probe: Probe) -> None:
        self._database = database
        self._probe = probe
        self.is_elsewhere = database.is_elsewhere

    @override
    async def read(
        self, work: Callable[Concatenate[SqlConnection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        probe = self._probe
        if not isinstance(probe, Stopwatch):
            with probe(Timing.DATABASE_READ):
                return await self._database.read(work, *args, **kwargs)
        # Of SQLite a read takes ten microseconds: this is the same, for half of what it costs.
        began = perf_counter()
        try:
            return await self._database.read(work, *args, **kwargs)
        except (Unavailable, StorageFull):
            probe.failed()
            raise
        finally:
            probe.observe(Timing.DATABASE_READ, perf_counter() - began)

    @override
    async def write(self, work: Work[T], *, durable: bool = True, alone: bool = False) -> T:
        with self._probe(Timing.DATABASE_WRITE):
            return await self._database.write(work, durable=durable, alone=alone)

    @override
    async def write_once(self, work: Work[T], *, durable: bool = False) -> T:
        with self._probe(Timing.DATABASE_WRITE):
            return await self._database.write_once(work, durable=durable)

    @override
    async def scan(self, work: Work[T]) -> T:
        with self._probe(Timing.DATABASE_SCAN):
            return await self._database.scan(work)

    @override
    async def look(self, work: Work[T]) -> T:
        with self._probe(Timing.DATABASE_SCAN):
            return await self._database.look(work)

    @override
    async def check(self, *, thorough: bool) -> Sequence[str]:
        return await self._database.check(thorough=thorough)

    @override
    async def copy_to(self, target: Path) -> None:
        await self._database.copy_to(target)

    @override
    def close(self) -> None:
        self._database.close()


class WatchedBlobs(Blobs):
    """Blobs whose store is watched, in what it does for requests and collections."""

    def __init__(self, blobs: Blobs, probe: Probe) -> None:
        self._blobs = blobs
        self._probe = probe

    @override
    async def find(self, digest: Digest) -> BlobSource | None:
        with self._probe(Timing.STORE_STAT):
            return await self._blobs.find(digest)

    @override
    async def stat(self, digest: Digest, *, closely: bool = False) -> StoredBytes | None:
        with self._probe(Timing.STORE_STAT):
            return await self._blobs.stat(digest, closely=closely)

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


class Watch:
    """A watch over one worker: who wants to know how long what it does takes.

    Args:
        measures: where figures go; `None` if nobody looks at any.
        traces: who wants to know each call; `None` if nobody does.
    """

    def __init__(self, measures: Measures | None = None, traces: Probe | None = None) -> None:
        self.measures = measures or UNMEASURED
        self._is_measured = measures is not None
        self._traces = traces

    def database(self, database: Database) -> Database:
        """A database, watched if anybody does."""
        probe = self._probe(Count.DATABASE_ERRORS)
        return database if probe is None else WatchedDatabase(database, probe)

    def blobs(self, blobs: Blobs, *, measured: bool) -> Blobs:
        """Blobs, watched if anybody does; `measured` if their store measures itself."""
        probe = self._traces if measured else self._probe(Count.STORE_ERRORS)
        return blobs if probe is None else WatchedBlobs(blobs, probe)

    def uploads(self, uploads: Uploads, *, measured: bool) -> Uploads:
        """Uploads, watched if anybody does; `measured` if their store measures itself."""
        probe = self._traces if measured else self._probe(Count.STORE_ERRORS)
        return uploads if probe is None else WatchedUploads(uploads, probe)

    def _probe(self, failures: Count) -> Probe | None:
        if not self._is_measured:
            return self._traces
        stopwatch = Stopwatch(self.measures, failures)
        return stopwatch if self._traces is None else Both(self._traces, stopwatch)

"""Migration of blobs: bytes from the store of one registry into that of another.

What is brought is read again at the target and hashed there, so that a store which does not keep
what it was given is found out before anybody relies on it.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lading.core.digest import Digest
from lading.core.errors import DigestMismatch, Unavailable
from lading.core.names import Owner, RepositoryName, UploadId, UploadKey
from lading.metadata import batches
from lading.metadata.inspection import KnownBlob
from lading.ports.blob_sources import BlobSource, all_bytes
from lading.services import damage
from lading.services.registry import Registry

# Blobs that are brought at the same time.
AT_ONCE = 8
# Blobs, and bytes of them, that are brought before their rows are written: a migration that is
# killed reads as many again.
MOST = 256
MOST_BYTES = 1024 * 1024 * 1024
_REPOSITORY = RepositoryName("migration")
_OWNER = Owner.of("migration")


@dataclass(frozen=True, slots=True)
class Brought:
    """A blob whose bytes are at the target, and the upload by which they came, to be settled."""

    digest: Digest
    upload: UploadKey | None


class BlobCopies:
    """Copies of blobs in another registry.

    Args:
        advance: told how many bytes are done, be they copied, or there and checked.

    Attributes:
        damaged: blobs whose bytes are gone or wrong where they should come from.
        copied: how many were copied, as they were not there.
        size: how many bytes these have.
    """

    def __init__(self, origin: Registry, target: Registry, advance: Callable[[int], None]) -> None:
        self._origin = origin
        self._target = target
        self._advance = advance
        self.damaged: list[Digest] = []
        self.copied = 0
        self.size = 0

    async def bring(self, blobs: Sequence[KnownBlob]) -> Sequence[Brought]:
        """Have the bytes of blobs at the target; returns those that are there now, and right."""
        brought: list[Brought] = []
        waiting = iter(blobs)

        async def work() -> None:
            for blob in waiting:
                found = await self._bring(blob)
                if found is not None:
                    brought.append(found)
                self._advance(blob.size)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(AT_ONCE):
                    group.create_task(work())
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed
        return brought

    async def settle(self, brought: Sequence[Brought]) -> None:
        """Note that the blobs have rows now.

        Raises:
            Unavailable: bytes of one are gone: another run has cleared away what had no row yet.
        """
        gone = [blob.digest for blob in brought if not await self._settle(blob)]
        if gone:
            raise Unavailable(
                f"another migration to there has removed {gone[0]}, which had no row yet: when none"
                " runs any more, migrate again"
            )

    async def _settle(self, blob: Brought) -> bool:
        """Note that a blob has a row now, unless its bytes are gone, which is noted then."""
        if blob.upload is None:
            return True
        async with self._target.locks.lock(blob.digest):
            if await self._target.blobs.stat(blob.digest) is None:
                await self._target.metadata.damage.lose_blob(blob.digest, now=self._target.clock())
                return False
            await self._target.uploads.settle(blob.upload, blob.digest)
            return True

    async def _bring(self, blob: KnownBlob) -> Brought | None:
        stored = await self._target.blobs.stat(blob.digest)
        if stored is not None and stored.size == blob.size and await self._is_right(blob.digest):
            return Brought(blob.digest, None)
        upload = await self._copy(blob)
        if upload is None:
            return None
        if not await self._is_right(blob.digest):
            raise Unavailable(f"the target does not give back what it was given of {blob.digest}")
        self.copied += 1
        self.size += blob.size
        return Brought(blob.digest, upload)

    async def _is_right(self, digest: Digest) -> bool:
        return await self._target.blobs.hash(digest, damage.ignore) == digest

    async def _copy(self, blob: KnownBlob) -> UploadKey | None:
        """Copy the bytes of a blob by an upload; `None` if they are not there, or not right."""
        source = await self._origin.blobs.find(blob.digest)
        if source is None:
            await self._miss(blob.digest)
            return None
        uploads = self._target.uploads
        upload = UploadKey.of(_REPOSITORY, UploadId.of(self._target.new_uuid(), _OWNER))
        await uploads.begin(upload, algorithm=blob.digest.algorithm, now=self._target.clock())
        try:
            await self._send(source, upload, blob.digest)
        except BaseException as error:
            await uploads.discard(upload)
            if not isinstance(error, DigestMismatch | OSError):
                raise
            await self._miss(blob.digest)
            return None
        return upload

    async def _send(self, source: BlobSource, upload: UploadKey, digest: Digest) -> None:
        async with self._target.uploads.stage(upload, algorithm=digest.algorithm) as staged:
            async with all_bytes(source) as pieces:
                async for piece in pieces:
                    await staged.write(piece)
            await staged.finish()
            await staged.verify(digest)
            async with self._target.locks.lock(digest):
                await staged.commit(digest)

    async def _miss(self, digest: Digest) -> None:
        """Note that bytes are missing, unless their blob was collected meanwhile."""
        known = await self._origin.metadata.inspection.known_blobs([digest])
        if any(not blob.lost for blob in known):
            self.damaged.append(digest)


def groups(blobs: Sequence[KnownBlob]) -> Iterator[Sequence[KnownBlob]]:
    """Blobs in their order, as many at a time as are brought before rows are written."""
    return batches.groups(blobs, lambda blob: blob.size, most_size=MOST_BYTES, most=MOST)

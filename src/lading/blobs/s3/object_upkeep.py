"""The upkeep of an object store: blobs of several objects become one, and strays are found.

An upload that came in several requests is as many objects. It is served as it is, but clients can
only be sent to one object, and each costs a request. So a job stores them again as one; a single
transaction puts that in their place, if they are still those of the blob.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence

from lading.blobs.hashing import RunningHash
from lading.blobs.s3 import deletions
from lading.blobs.s3.attempts import is_denied
from lading.blobs.s3.object_room import ObjectRoom, new_key
from lading.blobs.s3.ownership import FOLDER, Ownership
from lading.core.digest import Bytes, Digest
from lading.core.errors import Unavailable
from lading.core.typing import override
from lading.ports.blob_sources import all_bytes
from lading.ports.object_sources import LostObject
from lading.ports.objects import (
    READING,
    DeniedRight,
    PlacedSegment,
    StoredObject,
    UnusedBytes,
    Upkeep,
)

log = logging.getLogger(__name__)

# Blobs asked for at once.
PAGE = 100
# Objects in parts that are looked at together: each is given up by a request of its own, and who
# does it says between them that it is still there.
PARTS = 100
# Seconds after which the key of an object that is being stored is reserved anew.
RESERVING = READING / 10

# What comes of a right that is denied.
_CONSEQUENCES = {
    "s3:DeleteObject": "nothing is deleted: what was collected goes on taking room",
    "s3:ListBucket": (
        "what no row names is not found, and of what is not there the store says that it is"
        " forbidden"
    ),
    "s3:ListBucketMultipartUploads": (
        "parts of objects that were never completed are not found, and take room that no list shows"
    ),
    "s3:AbortMultipartUpload": (
        "parts of objects that were never completed stay, and take room that no list shows"
    ),
}

GoingOn = Callable[[], Awaitable[None]]


class _Wrong(Exception):
    """Bytes that are not those of their blob."""


class ObjectUpkeep(Upkeep):
    """The upkeep of an object store."""

    def __init__(self, room: ObjectRoom) -> None:
        self._store = room.store
        self._rows = room.objects
        self._hashing = room.hashing
        self._clock = room.clock
        self._ownership = Ownership(room)

    @override
    async def check(self) -> None:
        await self._store.check()

    @override
    async def require_own(self) -> None:
        await self._ownership.require()

    @override
    async def take_own(self) -> None:
        await self._ownership.require()
        await self._ownership.take_alone()

    @override
    async def join(self, going_on: GoingOn) -> AsyncIterator[Digest]:
        after = ""
        while page := await self._rows.page(after=after, limit=PAGE, in_segments=True):
            for digest in page:
                if await self._join(digest, going_on):
                    yield digest
            after = page[-1]

    @override
    async def unused(self) -> UnusedBytes:
        return await self._rows.count_unused()

    @override
    async def strays(self, before: float) -> AsyncIterator[Sequence[StoredObject]]:
        for kind in (self._stray_objects, self._stray_parts):
            try:
                async for page in kind(before):
                    yield page
            except Unavailable as error:
                if not is_denied(error):  # else the log says which right is missing
                    raise

    async def _stray_objects(self, before: float) -> AsyncIterator[Sequence[StoredObject]]:
        async for page in self._store.pages(FOLDER):
            found = [stored for stored in page if stored.since < before]
            yield await self._unknown(found)

    async def _stray_parts(self, before: float) -> AsyncIterator[Sequence[StoredObject]]:
        async for parts in self._store.unfinished_parts(before):
            found = [each for each in parts if each.key.startswith(f"{FOLDER}/")]
            for start in range(0, len(found), PARTS):
                some = found[start : start + PARTS]
                yield await self._unknown(some, parts_at=self._clock())

    @override
    async def denied_rights(self) -> Sequence[DeniedRight]:
        return [DeniedRight(right, _CONSEQUENCES[right]) for right in await self._store.denied()]

    @override
    async def remove(self, strays: Sequence[StoredObject]) -> Sequence[StoredObject]:
        if not strays:
            return ()
        await self._ownership.require_still()
        parts = [stray for stray in strays if stray.id]
        objects = {stray.key: stray for stray in strays if not stray.id}
        refusals = await self._store.delete(list(objects)) if objects else ()
        deletions.warn_of(refusals)
        return [*await self._abort(parts), *(objects[refusal.key] for refusal in refusals)]

    async def _abort(self, strays: Sequence[StoredObject]) -> Sequence[StoredObject]:
        """Give up parts that were never joined; returns those that the store keeps."""
        for number, stray in enumerate(strays):
            try:
                await self._store.abort(stray)
            except Unavailable as error:
                if not is_denied(error):
                    raise
                return strays[number:]  # as it denies it of all
        return ()

    async def _unknown(
        self, found: Sequence[StoredObject], parts_at: float | None = None
    ) -> Sequence[StoredObject]:
        """Those of what was found that no row names, see `ObjectRows.unknown`."""
        keys = [stray.key for stray in found]
        unknown = await self._rows.unknown(keys, parts_at=parts_at) if keys else ()
        return [stray for stray in found if stray.key in unknown]

    async def _join(self, digest: Digest, going_on: GoingOn) -> bool:
        old = await self._rows.find(digest)
        if len(old) < 2:  # collected, or pushed again, while those before it were joined
            return False
        key = new_key()
        await self._rows.reserve(key, self._clock())
        try:
            pieces = self._verified(digest, old, key, going_on)
            size = await self._store.put_pieces(key, pieces)
        except (LostObject, _Wrong) as error:
            log.error("%s is damaged: %s; `lading verify` tells more", digest, error)  # noqa: TRY400
            return False
        new = PlacedSegment(key, 0, size, self._clock())
        return await self._rows.replace(digest, old, new)

    async def _verified(
        self, digest: Digest, segments: Sequence[PlacedSegment], key: str, going_on: GoingOn
    ) -> AsyncGenerator[Bytes]:
        """All bytes of a blob; the last one comes only if they have the digest."""
        running, reserved_at = RunningHash.start(digest.algorithm), time.monotonic()
        last: Bytes = b""
        async with all_bytes(self._store.chunks(segments)) as pieces:
            async for piece in pieces:
                if last:
                    yield last
                await self._hashing.start(running.update, piece)
                last = piece
                if time.monotonic() - reserved_at > RESERVING:
                    reserved_at = time.monotonic()
                    await self._rows.reserve(key, self._clock())
                await going_on()
                await asyncio.sleep(0)  # let others have their turn
        if running.digest() != digest:
            raise _Wrong(f"its bytes have the digest {running.digest()}")
        yield last

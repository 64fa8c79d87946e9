"""The adapter of uploads to an object store: rows say what each has, and objects have the bytes.

To open an upload, say that it goes on, and close it again costs more than to store few bytes. One
that comes at once and is small needs none of it: it is one object, and rows that are written once.
"""

from collections.abc import Sequence

from lading.blobs.file_uploads import UploadCount
from lading.blobs.hashing import RunningHash
from lading.blobs.s3.object_room import ObjectRoom, ReservedKeys
from lading.blobs.s3.staged_objects import SMALL, StagedObjects
from lading.blobs.s3.unused_objects import UnusedObjects
from lading.core.digest import SHA256, Digest
from lading.core.errors import UploadUnknown
from lading.core.names import Owner, UploadKey
from lading.core.typing import override
from lading.ports.objects import READING, PlacedSegment
from lading.ports.uploads import Becoming, Staged, UploadNotReady, Uploads


class S3Uploads(Uploads):
    """Uploads to an object store."""

    small = SMALL

    def __init__(self, room: ObjectRoom) -> None:
        self._room = room
        self._keys = ReservedKeys(room.uploads.reserve, room.clock)
        self._rows = room.uploads
        self._unused = UnusedObjects(room)
        self._about = UploadCount()

    @override
    async def require_space(self, size: int) -> None:
        pass  # the store says so when it is full

    @override
    async def begin(
        self, upload: UploadKey, *, algorithm: str, now: float, most: int | None = None
    ) -> bool:
        known = RunningHash.start(algorithm).pack()
        begun = await self._rows.begin(upload, known, now, most=most)
        if begun:
            self._about.begun()
        return begun

    @override
    def stage(self, upload: UploadKey, *, algorithm: str | None = None) -> StagedObjects:
        return StagedObjects(self._room, upload, algorithm)

    @override
    def commit_as_it_is(self, upload: UploadKey, digest: Digest) -> Becoming:
        return self._rows.becoming_as_it_is(upload, digest, _digest_of, self._room.clock())

    @override
    async def append_small(self, upload: UploadKey, data: bytes) -> bool:
        stored = await self._store_small(data)
        if stored is None:
            return False
        running = RunningHash.start(SHA256)
        begun = running.pack()
        running.update(data)
        try:
            await self._rows.save_small(upload, stored, begun, running.pack())
        except UploadNotReady:
            return False
        return True

    @override
    async def commit_small(self, upload: UploadKey, digest: Digest, data: bytes) -> Becoming | None:
        stored = await self._store_small(data) if digest.names(data) else None
        return None if stored is None else self._rows.becoming_small(upload, stored)

    @override
    async def size(self, upload: UploadKey) -> int:
        size = await self._rows.size(upload)
        if size is None:
            raise UploadUnknown
        return size

    @override
    async def settle(self, upload: UploadKey, digest: Digest) -> None:
        await self._rows.settle(upload)

    @override
    async def discard(self, upload: UploadKey) -> None:
        await self._unused.delete(await self._rows.discard(upload, self._room.clock()))

    @override
    async def count(self, owner: Owner) -> int:
        return await self._rows.count(owner)

    @override
    async def count_all(self, now: float) -> int:
        if self._about.is_due(now):
            self._about.counted(await self._rows.count_all())
        return self._about.number

    @override
    async def list_all(self) -> Sequence[Staged]:
        return await self._rows.list_all()

    @override
    async def tidy(self, before: float) -> None:
        await self._unused.tidy(min(before, self._room.clock() - READING))

    async def _store_small(self, data: bytes) -> PlacedSegment | None:
        """Store an object, unused until a row says what it is; `None` if there is no memory."""
        room = self._room
        if not room.budget.take(len(data)):
            return None
        try:
            key = await self._keys.take()
            await room.store.put(key, data)
        finally:
            room.budget.give_back(len(data))
        return PlacedSegment(key, 0, len(data), room.clock())


def _digest_of(known: bytes) -> Digest | None:
    """The digest of all bytes, by what is known of their hash; `None` if they have to be read."""
    running = RunningHash.unpack(known)
    return None if running is None else running.digest()

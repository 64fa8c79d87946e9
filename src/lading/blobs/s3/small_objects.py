"""Uploads that come at once and are small: one object, and rows that are written once.

To open an upload, say that it goes on, and close it again costs more than to store few bytes. Those
that are all here need none of it.
"""

from lading.blobs.hashing import RunningHash
from lading.blobs.s3 import hash_states
from lading.blobs.s3.object_room import ObjectRoom, new_key
from lading.blobs.s3.reserved_keys import ReservedKeys
from lading.core.digest import SHA256, Digest
from lading.core.names import UploadKey
from lading.ports.objects import PlacedSegment
from lading.ports.uploads import Becoming, UploadNotReady


class SmallObjects:
    """Small objects, each of which is all that an upload has."""

    def __init__(self, room: ObjectRoom) -> None:
        self._room = room
        self._keys = ReservedKeys(room.uploads.reserve, room.clock, new_key)

    async def append(self, upload: UploadKey, data: bytes) -> bool:
        """Make bytes all that an upload has; false if it is to be opened for that."""
        stored = await self._store(data)
        if stored is None:
            return False
        running = RunningHash.start(SHA256)
        begun = hash_states.pack(running.known())
        running.update(data)
        try:
            await self._room.uploads.save_small(
                upload, stored, begun, hash_states.pack(running.known())
            )
        except UploadNotReady:
            return False
        return True

    async def commit(self, upload: UploadKey, digest: Digest, data: bytes) -> Becoming | None:
        """How an upload becomes a blob of these bytes; `None` if it is to be opened for that."""
        if not digest.names(data):
            return None
        stored = await self._store(data)
        return None if stored is None else self._room.uploads.becoming_small(upload, stored)

    async def _store(self, data: bytes) -> PlacedSegment | None:
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

"""What nothing needs in an object store, and the store refuses to delete."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

from lading.blobs.s3.deletions import RefusedObject
from lading.blobs.s3.object_room import ObjectRoom
from lading.blobs.s3.unused_objects import PAUSE, UnusedObjects
from lading.databases.sqlite.memory import MemoryDatabase
from lading.metadata.object_uploads import ObjectUploads
from lading.metadata.objects import Objects


class RetainingStore:
    """A store that keeps objects under retention, and counts how often it is asked."""

    def __init__(self) -> None:
        self.retained = {"new", "newer"}
        self.requests = 0

    async def content(self, _: str) -> bytes:
        return b"badge"

    async def delete(self, keys: Sequence[str]) -> Sequence[RefusedObject]:
        self.requests += 1
        return [RefusedObject(key, "retained") for key in keys if key in self.retained]


async def test_what_is_too_new_to_be_deleted_does_not_hold_up_what_is_old_enough() -> None:
    """As where a bucket keeps all for a time, and uploads are cancelled again and again."""
    now, store, database = 1e6, RetainingStore(), MemoryDatabase()
    objects, uploads = Objects(database), ObjectUploads(database)
    room = SimpleNamespace(store=store, objects=objects, clock=lambda: now)
    unused = UnusedObjects(cast("ObjectRoom", room))
    await objects.set_badge("badge", now)
    await uploads.reserve(["new", "newer"], now - 1)
    await uploads.reserve(["old"], now - 500)

    await unused.delete(["new"])
    await unused.delete(["newer"])
    assert store.requests == 1, "the second one was not asked for so soon"
    await unused.tidy(now - 400)
    assert await objects.unknown(["old", "new"]) == {"old"}

    await unused.tidy(now)  # in which all is refused
    await unused.tidy(now)
    assert store.requests == 3
    now += PAUSE
    await unused.delete(["newer"])
    assert store.requests == 4

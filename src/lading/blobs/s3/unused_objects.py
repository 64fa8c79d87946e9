"""Deletion of objects that nothing needs any more: the rows first, then the objects, then the rows.

A key is never used twice, so whatever happens meanwhile, nothing else can be deleted. What may have
readers is deleted long after its row has said that nothing needs it: a store has no descriptor
that goes on, be it a stream's that asks for its next bytes, or a client's that was sent there.
"""

import logging
import time
from collections.abc import Sequence

from lading.blobs.s3.object_room import ObjectRoom
from lading.core.errors import RegistryError

log = logging.getLogger(__name__)

# Objects deleted in one request, and rows in one statement: "a list of up to 1,000 keys" (S3 API,
# DeleteObjects).
BATCH = 500
# Seconds after which the rest is left to the next step of a collection, whose lease is renewed
# between two of them.
TIDYING = 20.0


async def delete(room: ObjectRoom, keys: Sequence[str]) -> None:
    """Delete objects that nobody reads, as their rows say; what fails is left to `tidy`."""
    if not keys:
        return
    try:
        await room.store.delete(keys)
        await room.objects.remove(keys)
    except RegistryError as error:
        log.warning("%d objects are deleted later: %s", len(keys), error)


async def tidy(room: ObjectRoom, before: float) -> None:
    """Delete what nothing has needed since that time, or some of it if there is much.

    Raises:
        Unavailable: it cannot be done now.
    """
    stop = time.monotonic() + TIDYING
    while keys := await room.objects.retire(before=before, limit=BATCH):
        await room.store.delete(keys)
        await room.objects.remove(keys)
        if time.monotonic() > stop:
            return

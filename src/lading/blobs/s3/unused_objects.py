"""Deletion of objects that nothing needs any more: the rows first, then the objects, then the rows.

A key is never used twice, so whatever happens meanwhile, nothing else can be deleted. What may have
readers is deleted long after its row has said that nothing needs it: a store has no descriptor
that goes on, be it a stream's that asks for its next bytes, or a client's that was sent there.
"""

import logging
import math
import time
from collections.abc import Sequence

from lading.blobs.s3 import deletions
from lading.blobs.s3.object_room import ObjectRoom
from lading.core.errors import RegistryError

log = logging.getLogger(__name__)

# Objects deleted in one request, and rows in one statement: "a list of up to 1,000 keys" (S3 API,
# DeleteObjects).
BATCH = 500
# Seconds after which the rest is left to the next step of a collection, whose lease is renewed
# between two of them.
TIDYING = 20.0
# Seconds until objects are deleted that the store has refused to delete; and until any are, where
# it refuses all or fails.
REFUSED = 24 * 3600.0
PAUSE = 600.0


class UnusedObjects:
    """Objects that nothing needs."""

    def __init__(self, room: ObjectRoom) -> None:
        self._store = room.store
        self._rows = room.objects
        self._clock = room.clock
        self._failed_at = -math.inf

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete objects that nobody reads, as their rows say; what fails is left to `tidy`."""
        if not keys or self._is_pausing():
            return
        try:
            await self._delete(keys)
        except RegistryError as error:
            log.warning("%d objects are deleted later: %s", len(keys), error)

    async def tidy(self, before: float) -> None:
        """Delete what nothing has needed since that time, or some of it if there is much.

        What the store refuses to delete is in nobody's way, and is tried again on the next day.

        Raises:
            Unavailable: it cannot be done now; who asks again soon asks for nothing.
        """
        stop = time.monotonic() + TIDYING
        while not self._is_pausing() and (keys := await self._retire(before)):
            await self._delete(keys)
            if time.monotonic() > stop:
                return

    async def _retire(self, before: float) -> Sequence[str]:
        refused_before = self._clock() - REFUSED
        return await self._rows.retire(before=before, limit=BATCH, refused_before=refused_before)

    async def _delete(self, keys: Sequence[str]) -> None:
        try:
            refusals = await self._store.delete(keys)
        except RegistryError:
            self._failed_at = self._clock()
            raise
        deletions.warn_of(refusals)
        refused = [refusal.key for refusal in refusals]
        if deleted := list(set(keys).difference(refused)):
            await self._rows.remove(deleted)
        else:
            self._failed_at = self._clock()
        if refused:
            await self._rows.refuse(refused, self._clock())

    def _is_pausing(self) -> bool:
        """Whether the store has lately failed to delete anything, so that it need not be asked."""
        return 0 <= self._clock() - self._failed_at < PAUSE

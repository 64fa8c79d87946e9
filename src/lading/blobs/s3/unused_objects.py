"""Deletion of objects that nothing needs any more: the rows first, then the objects, then the rows.

A key is never used twice, so whatever happens meanwhile, nothing else can be deleted. What may have
readers is deleted long after its row has said that nothing needs it: a store has no descriptor
that goes on, be it a stream's that asks for its next bytes, or a client's that was sent there.
"""

import logging
import math
import time
from collections.abc import Callable, Sequence

from lading.blobs.s3 import deletions
from lading.blobs.s3.object_room import ObjectRoom
from lading.blobs.s3.ownership import Ownership
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
        self._ownership = Ownership(room)
        # One for each: of what was stored just now, as that of an upload that is given up, all may
        # be under retention, while what is old can be deleted.
        self._discarding, self._tidying = _Pause(room.clock), _Pause(room.clock)

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete objects that nobody reads, as their rows say; what fails is left to `tidy`."""
        if not keys or self._discarding.is_on:
            return
        try:
            await self._delete(keys, self._discarding)
        except RegistryError as error:
            log.warning("%d objects are deleted later: %s", len(keys), error)

    async def tidy(self, before: float) -> None:
        """Delete what nothing has needed since that time, or some of it if there is much.

        What the store refuses to delete is in nobody's way, and is tried again on the next day.

        Raises:
            Unavailable: it cannot be done now; who asks again soon asks for nothing.
        """
        stop = time.monotonic() + TIDYING
        while not self._tidying.is_on and (keys := await self._retire(before)):
            await self._require_own()
            await self._delete(keys, self._tidying)
            if time.monotonic() > stop:
                return

    async def _require_own(self) -> None:
        """Go on only if no other database may need what this one does not."""
        try:
            await self._ownership.require_still()
        except RegistryError:
            self._tidying.begin()
            raise

    async def _retire(self, before: float) -> Sequence[str]:
        refused_before = self._clock() - REFUSED
        return await self._rows.retire(before=before, limit=BATCH, refused_before=refused_before)

    async def _delete(self, keys: Sequence[str], pause: "_Pause") -> None:
        try:
            refusals = await self._store.delete(keys)
        except RegistryError:
            pause.begin()
            raise
        deletions.warn_of(refusals)
        refused = [refusal.key for refusal in refusals]
        if deleted := list(set(keys).difference(refused)):
            await self._rows.remove(deleted)
        else:
            pause.begin()
        if refused:
            await self._rows.refuse(refused, self._clock())


class _Pause:
    """A pause after the store has failed to delete anything, in which it need not be asked."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._begun_at = -math.inf

    def begin(self) -> None:
        """Pause from now on."""
        self._begun_at = self._clock()

    @property
    def is_on(self) -> bool:
        """Whether it lasts; one that begins in the future is of a clock that was ahead."""
        return 0 <= self._clock() - self._begun_at < PAUSE

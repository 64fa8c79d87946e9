"""Deletion of objects that nothing needs any more: the rows first, then the objects, then the rows.

A key is never used twice, so whatever happens meanwhile, nothing else can be deleted.
"""

import logging
from collections.abc import Sequence

from lading.blobs.s3.object_store import ObjectStore
from lading.core.errors import RegistryError
from lading.ports.objects import ObjectRows

log = logging.getLogger(__name__)

# Objects deleted in one request: "a list of up to 1,000 keys" (S3 API, DeleteObjects).
BATCH = 1000


class UnusedObjects:
    """Objects that nothing needs."""

    def __init__(self, store: ObjectStore, rows: ObjectRows) -> None:
        self._store = store
        self._rows = rows

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete objects whose rows say that they are unused; what fails is left to `tidy`."""
        if not keys:
            return
        try:
            await self._store.delete(keys)
            await self._rows.remove(keys)
        except RegistryError as error:
            log.warning("%d objects are deleted later: %s", len(keys), error)

    async def tidy(self, before: float) -> None:
        """Delete what nothing has needed since that time.

        Raises:
            Unavailable: it cannot be done now.
        """
        while keys := await self._rows.unused(before=before, limit=BATCH):
            await self._store.delete(keys)
            await self._rows.remove(keys)

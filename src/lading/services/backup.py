"""Backing up: a consistent copy of what is known, and a list of the blobs that belong to it.

From before the copy is made, no blob is collected until the hold is over: whatever the copy knows
of can still be copied. Blobs never change, so they can be copied in any order, by any program, and
those that a backup has already need not be copied again.
"""

from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from lading.core.digest import Digest
from lading.ports.maintenance import Hold
from lading.services.registry import Registry


async def copy_metadata(registry: Registry, target: Path, hold: Hold) -> None:
    """Write a consistent copy of the database into a new file, while others go on."""
    await registry.metadata.hold_blobs(hold)
    await registry.metadata.copy_to(target)


async def list_stored(registry: Registry, digests: Iterable[Digest]) -> AsyncIterator[Digest]:
    """Those of the blobs whose bytes are there; a check tells of the others."""
    for digest in digests:
        if await registry.blobs.stat(digest) is not None:
            yield digest

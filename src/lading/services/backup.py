"""Backing up: a consistent copy of what is known, and a list of the blobs that belong to it.

From before the copy is made, no blob is collected until the hold is over: whatever the copy knows
of can still be copied. Blobs never change, so they can be copied in any order, by any program, and
those that a backup has already need not be copied again.
"""

from collections.abc import AsyncIterator, Iterable
from itertools import islice
from pathlib import Path

from lading.core.digest import Digest
from lading.ports.blobs import LocalFile
from lading.ports.maintenance import Hold
from lading.services.registry import Registry

# Blobs looked at in one go.
PAGE = 1000


async def copy_metadata(registry: Registry, target: Path, hold: Hold) -> None:
    """Write a consistent copy of the database into a new file, while others go on."""
    await registry.metadata.hold_blobs(hold)
    await registry.metadata.copy_to(target)


async def list_files(registry: Registry, digests: Iterable[Digest]) -> AsyncIterator[Path]:
    """The files of blobs. Those whose bytes are gone are left out; a check tells of them."""
    waiting = iter(digests)
    while page := list(islice(waiting, PAGE)):
        for digest in await registry.blobs.examine(page):
            source = await registry.blobs.find(digest)
            if isinstance(source, LocalFile):
                yield Path(source.path)

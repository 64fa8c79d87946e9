"""Upkeep of an object store: what the server does by itself beside collecting garbage."""

import logging

from lading.ports.objects import DeniedRight, UnusedBytes, Upkeep
from lading.services.lease import Lease
from lading.services.registry import Registry

log = logging.getLogger(__name__)

JOIN = "joining of segments"
REMOVE = "removal of stray objects"


async def join_segments(registry: Registry, lease: Lease) -> None:
    """Make blobs that came in several requests one object, so that clients can be sent there."""
    joined = 0
    async for digest in _upkeep(registry).join(lease.renew):
        joined += 1
        log.debug("%s is one object now", digest)
    if joined:
        log.info("%d blobs that were several objects are one now", joined)


async def remove_strays(registry: Registry, lease: Lease) -> None:
    """Remove what no row names and is older than the grace: a process was killed over it.

    Where bytes may be unknown and no garbage, as after a restored backup, all are kept.
    """
    if await registry.metadata.strangers.find() is not None:
        return
    upkeep, number, size = _upkeep(registry), 0, 0
    async for page in upkeep.strays(registry.clock() - registry.policy.grace):
        kept = frozenset(await upkeep.remove(page))
        gone = [stray for stray in page if stray not in kept]
        number += len(gone)
        size += sum(stray.size or 0 for stray in gone)
        await lease.renew()
    if number:
        log.info("%d objects that nothing knew of were removed, %d bytes", number, size)


async def unused(registry: Registry) -> UnusedBytes:
    """How much nothing needs that is kept for those who read it; nothing where bytes are files."""
    if registry.upkeep is None:
        return UnusedBytes(0, 0)
    return await registry.upkeep.unused()


def words_of(denied: DeniedRight) -> str:
    """What a right that the store denies comes to, for people; what to do is said elsewhere."""
    return f"the object store does not allow it to the key of storage.s3: {denied.consequence}"


def _upkeep(registry: Registry) -> Upkeep:
    assert registry.upkeep is not None
    return registry.upkeep

"""Unfinished uploads: they expire after a while, and are removed after a crash.

A commit marks the bytes that it gives their final name until a row knows them, so a mark
whose digest nobody has locked was left by a crash.
"""

import logging
from collections.abc import Sequence

from lading.core.errors import RegistryError, UploadOutOfOrder, UploadUnknown
from lading.core.garbage import (
    Criteria,
    ExpiredUpload,
    GarbageBlob,
    GarbageItem,
    GarbageLink,
    GarbageManifest,
    InterruptedCommit,
    OrphanTag,
)
from lading.ports.uploads import Staged
from lading.services.collect_blobs import remove_locked
from lading.services.registry import Registry

log = logging.getLogger(__name__)

# Rows removed in one transaction.
BATCH = 1000


async def find_expired(registry: Registry, criteria: Criteria) -> Sequence[ExpiredUpload]:
    """Uploads with which nothing was done for so long that they expire; the oldest first."""
    if registry.policy.upload_age is None:
        return ()
    active_before = criteria.now - registry.policy.upload_age
    expired = [
        ExpiredUpload(item.upload, item.size, item.active_at)
        for item in await registry.uploads.list_all()
        if item.digest is None and item.active_at <= active_before
    ]
    return sorted(expired, key=lambda upload: upload.since)[: criteria.at_most]


async def expire(registry: Registry, garbage: ExpiredUpload) -> bool:
    """Expire an upload, unless it has made progress since, or a request is writing to it."""
    if registry.policy.uploads_kept:
        return False
    try:
        async with registry.uploads.stage(garbage.upload) as staged:
            if staged.active_at != garbage.since:
                return False
            await registry.uploads.discard(garbage.upload)
    except (UploadOutOfOrder, UploadUnknown):
        return False
    return True


async def remove_committed(registry: Registry, criteria: Criteria) -> None:
    """Remove committed uploads: a client that missed the answer has asked again by now."""
    before = criteria.now - criteria.grace
    # The copy of the database may name objects that others have taken the place of.
    if await registry.metadata.backup_holds.last(now=criteria.now) is None:
        await _tidy(registry, before)
    while await registry.metadata.links.remove_committed(before=before, at_most=BATCH) == BATCH:
        pass


async def _tidy(registry: Registry, before: float) -> None:
    """Delete what nothing needs; a store that fails is no reason to collect nothing."""
    try:
        await registry.uploads.tidy(before)
    except RegistryError as error:
        log.warning("what nothing needs any more is deleted later: %s", error)


async def find_interrupted(
    registry: Registry, at_most: int | None = None
) -> Sequence[InterruptedCommit]:
    """Commits that a crash interrupted, or some of them: each costs a lock and a question."""
    found: list[InterruptedCommit] = []
    for item in await registry.uploads.list_all():
        if len(found) == at_most:
            break
        if (interrupted := await _interrupted_commit(registry, item)) is not None:
            found.append(interrupted)
    return found


def note(registry: Registry, removed: GarbageItem) -> None:
    """Note what a collection removed."""
    match removed:
        case GarbageManifest(repository, digest):
            registry.note("manifest.collect", repository=repository, digest=digest, why=removed.why)
        case OrphanTag(repository, tag):
            registry.note("tag.collect", repository=repository, reference=tag, why=removed.why)
        case GarbageLink(repository, digest):
            registry.note("blob.collect", repository=repository, digest=digest, why=removed.why)
        case GarbageBlob(digest):
            registry.note("blob.collect", digest=digest, why=removed.why)
        case ExpiredUpload(upload):
            registry.note("upload.expire", upload=upload.id, why=removed.why)


async def remove_interrupted(registry: Registry, interrupted: InterruptedCommit) -> None:
    """Remove what an interrupted commit has left: bytes that no row knows; others stay.

    Where there may be bytes that are unknown and no garbage, as the crash may have been before the
    database began, all are kept.
    """
    doubtful = await registry.metadata.strangers.find() is not None
    unknown_digests = () if doubtful else (interrupted.digest,)
    async with registry.locks.lock(interrupted.digest):
        await remove_locked(registry, unknown_digests)
        await registry.uploads.settle(interrupted.upload, interrupted.digest)


async def _interrupted_commit(registry: Registry, staged: Staged) -> InterruptedCommit | None:
    """The interrupted commit of an upload, if no lock shows that it is under way."""
    if staged.digest is None:
        return None
    async with registry.locks.lock_free([staged.digest]) as free:
        if not free:
            return None
        known = await registry.metadata.links.repositories_with(staged.digest, limit=1)
    return InterruptedCommit(staged.upload, 0 if known else staged.size, staged.digest)

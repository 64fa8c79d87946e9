"""Uploads that nobody finishes: given up after a while, and cleared away after a crash.

An upload's row comes before its file and goes before it, so a file without a row is nobody's. A
commit marks the bytes that it gives their final name until a row knows them, so a mark that nobody
holds the lock of was left by a crash.
"""

from collections.abc import Sequence

from lading.core.errors import UploadOutOfOrder, UploadUnknown
from lading.core.garbage import DoomedUpload, Leftover, Limits
from lading.ports import Staged, Upload
from lading.services.registry import Registry

# Rows removed in one transaction.
BATCH = 1000


async def find_idle(registry: Registry, limits: Limits) -> Sequence[DoomedUpload]:
    """Uploads without progress for so long that they are given up."""
    if registry.policy.upload_age is None:
        return ()
    idle = await registry.metadata.list_idle_uploads(
        idle_since=limits.now - registry.policy.upload_age, at_most=limits.at_most
    )
    return [await _describe(registry, upload) for upload in idle]


async def expire(registry: Registry, doomed: DoomedUpload) -> bool:
    """Give an upload up, unless it has made progress since, or a request is writing to it."""
    upload = await registry.metadata.find_upload(doomed.repository, doomed.upload)
    if upload is None or registry.policy.uploads_kept:
        return False
    try:
        async with registry.blobs.stage(upload):
            return await _drop_if_idle(registry, doomed)
    except UploadOutOfOrder:
        return False
    except UploadUnknown:  # a crash took its file, or came before it was made
        return await _drop_if_idle(registry, doomed)


async def forget_committed(registry: Registry, limits: Limits) -> None:
    """Forget uploads that became blobs: a client that missed the answer has asked again by now."""
    before = limits.now - limits.grace
    while await registry.metadata.forget_committed_uploads(before=before, at_most=BATCH) == BATCH:
        pass


async def find_leftovers(registry: Registry) -> Sequence[Leftover]:
    """What crashes have left of uploads."""
    staged = await registry.blobs.list_staged()
    files = [item for item in staged if item.digest is None]
    unknown = set(await registry.metadata.unknown_uploads([item.upload for item in files]))
    lost = [Leftover(item.upload, item.size) for item in files if item.upload in unknown]
    return lost + [
        leftover
        for item in staged
        if (leftover := await _interrupted_commit(registry, item)) is not None
    ]


async def clear(registry: Registry, leftover: Leftover) -> None:
    """Delete what a crash has left: bytes that no row knows are deleted, others are kept."""
    if leftover.digest is None:
        await registry.blobs.discard(leftover.upload)
        return
    async with registry.blobs.lock(leftover.digest):
        unknown = await registry.metadata.collect_blobs([leftover.digest], now=registry.clock())
        await registry.blobs.delete(unknown)
        await registry.blobs.settle(leftover.upload, leftover.digest)
        await registry.metadata.forget_deletions(unknown)


async def _describe(registry: Registry, upload: Upload) -> DoomedUpload:
    try:
        size = await registry.blobs.staged_size(upload.id)
    except UploadUnknown:
        size = 0
    return DoomedUpload(
        repository=upload.repository,
        upload=upload.id,
        size=size,
        since=upload.active_at,
    )


async def _drop_if_idle(registry: Registry, doomed: DoomedUpload) -> bool:
    upload = await registry.metadata.find_upload(doomed.repository, doomed.upload)
    if upload is None or upload.committed is not None or upload.active_at != doomed.since:
        return False
    await registry.metadata.drop_upload(doomed.upload)
    await registry.blobs.discard(doomed.upload)
    return True


async def _interrupted_commit(registry: Registry, staged: Staged) -> Leftover | None:
    """Who commits holds the lock until the mark is gone."""
    if staged.digest is None:
        return None
    async with registry.blobs.lock_idle([staged.digest]) as idle:
        if not idle:
            return None
        known = await registry.metadata.repositories_with(staged.digest, limit=1)
    return Leftover(staged.upload, 0 if known else staged.size, staged.digest)

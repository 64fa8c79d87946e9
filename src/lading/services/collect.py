"""Collecting garbage, beside running pushes and pulls.

`plan` says what would go and why; `run` acts on it. Everything in a plan is looked at again in the
transaction that removes it, so what a push has come to need since then stays. Rows go first and
bytes second: a crash between them leaves bytes that no row names, and a note to delete them.

The order matters: uploads that were given up; manifests, which frees links; links, which frees
blobs; and the bytes, each under the lock of its digest.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from lading.core.digest import Digest
from lading.core.errors import UploadUnknown
from lading.core.names import RepositoryName
from lading.ports import CollectionLimits, DoomedBlob, DoomedLink, DoomedManifest, Upload
from lading.services.registry import Registry


@dataclass(frozen=True, slots=True)
class Plan:
    """What a collection would remove.

    Attributes:
        uploads: given up for good, with the bytes they hold.
    """

    limits: CollectionLimits
    uploads: Sequence[tuple[Upload, int]]
    manifests: Sequence[DoomedManifest]
    links: Sequence[DoomedLink]
    blobs: Sequence[DoomedBlob]

    @property
    def size(self) -> int:
        """How many bytes it would free."""
        return sum(blob.size for blob in self.blobs) + sum(size for _, size in self.uploads)


Removed = DoomedManifest | DoomedLink | DoomedBlob | Upload


async def plan(registry: Registry, *, trash_before: float, untagged: bool) -> Plan:
    """What a collection would remove now; changes nothing.

    Args:
        registry: the parts.
        trash_before: deleted manifests go if they were deleted before this time.
        untagged: whether manifests that no tag leads to go too.
    """
    limits = CollectionLimits(
        now=registry.clock(),
        grace=registry.policy.grace,
        trash_before=trash_before,
        untagged=untagged,
    )
    manifests = await registry.metadata.list_doomed_manifests(limits)
    links = await registry.metadata.list_doomed_links(limits, manifests)
    return Plan(
        limits=limits,
        uploads=await _stale_uploads(registry, limits),
        manifests=manifests,
        links=links,
        blobs=await registry.metadata.list_doomed_blobs(links),
    )


async def run(registry: Registry, plan: Plan) -> AsyncIterator[Removed]:
    """Remove what is in the plan and still not needed; yields each thing that went."""
    for upload, _ in plan.uploads:
        await registry.metadata.drop_upload(upload.id)
        await registry.blobs.discard(upload.id)
        yield upload
    for manifest in plan.manifests:
        if await registry.metadata.collect_manifest(manifest, plan.limits):
            yield manifest
    for link in plan.links:
        if await registry.metadata.collect_link(link, plan.limits):
            yield link
    for blob in plan.blobs:
        if await _collect_blob(registry, blob.digest):
            yield blob


async def list_kept(
    registry: Registry, plan: Plan
) -> AsyncIterator[tuple[RepositoryName, Sequence[tuple[Digest, Sequence[Digest]]]]]:
    """Every repository with the manifests that stay, each with what it refers to."""
    for repository in await registry.metadata.repositories_with_manifests():
        yield repository, await registry.metadata.list_kept(repository, plan.limits)


async def _stale_uploads(
    registry: Registry, limits: CollectionLimits
) -> Sequence[tuple[Upload, int]]:
    stale = await registry.metadata.list_stale_uploads(
        started_before=limits.now - registry.policy.upload_age
    )
    return [(upload, await _staged_size(registry, upload)) for upload in stale]


async def _staged_size(registry: Registry, upload: Upload) -> int:
    try:
        return await registry.blobs.staged_size(upload.id)
    except UploadUnknown:  # it became a blob, or a power cut has taken it
        return 0


async def _collect_blob(registry: Registry, digest: Digest) -> bool:
    async with registry.blobs.lock(digest):
        if not await registry.metadata.collect_blob(digest):
            return False
        await registry.blobs.delete(digest)
    await registry.metadata.forget_deletion(digest)
    return True

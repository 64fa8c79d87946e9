"""Collections of garbage, beside running pushes and pulls.

`plan` says what would go and why; `run` acts on it. Everything in a plan is looked at again in the
transaction that removes it, so what a push has come to need since then stays. Rows go first and
bytes second: a crash between them leaves bytes that no row names, and a note to delete them.

The order matters: what uploads have left; manifests, which frees links and leaves attachments
behind; these, which go to the trash; links, which frees blobs; and the bytes (`collect_blobs`).
"""

import math
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

from lading.core.digest import Digest
from lading.core.garbage import (
    Criteria,
    ExpiredUpload,
    GarbageBlob,
    GarbageItem,
    GarbageManifest,
    InterruptedCommit,
    OrphanTag,
)
from lading.core.names import RepositoryName
from lading.metadata import batches
from lading.metadata.collecting.found_garbage import Garbage
from lading.metadata.moving.migrations import WHY_BYTES_STAY
from lading.ports.measures import UNMEASURED, Count, Measures
from lading.services import collect_blobs, unfinished
from lading.services.pages import pages
from lading.services.registry import Registry

# Rows removed in one transaction: enough to share an fsync, few enough that no push waits long for
# it.
BATCH = 200
# Manifests that are listed in one go, each with what it refers to.
PAGE = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a collection: what it would remove, in its order; much garbage is on the disk."""

    criteria: Criteria
    uploads: Sequence[ExpiredUpload]
    interrupted: Sequence[InterruptedCommit]
    garbage: Garbage

    @property
    def items(self) -> Iterator[GarbageItem]:
        """All garbage of the plan, one after the other."""
        return chain(*self._parts)

    @property
    def count(self) -> int:
        """How many items there are."""
        return sum(map(len, self._parts))

    @property
    def has_all_uploads(self) -> bool:
        """Whether there is no more of what uploads have left than this."""
        return self.criteria.at_most not in {len(self.uploads), len(self.interrupted)}

    @property
    def size(self) -> int:
        """The bytes of files that the collection would free."""
        uploads = sum(item.size for items in (self.uploads, self.interrupted) for item in items)
        return uploads + self.garbage.bytes_of_blobs()

    @property
    def _parts(self) -> Sequence[Collection[GarbageItem]]:
        found = self.garbage
        rows = (found.manifests, found.tags, found.links)
        return (self.uploads, self.interrupted, *rows, found.blobs)


@dataclass(slots=True)
class Tally:
    """A tally of what a collection has removed: things of all kinds, and bytes of files.

    Attributes:
        measures: are told of it, too.
    """

    measures: Measures = UNMEASURED
    items: int = 0
    uploads: int = 0
    manifests: int = 0
    tags: int = 0
    blobs: int = 0
    size: int = 0

    def count(self, removed: GarbageItem) -> None:
        """Count an item that was removed."""
        self.items += 1
        match removed:
            case GarbageManifest():
                self.manifests += 1
                self.measures.count(Count.MANIFESTS_COLLECTED)
            case OrphanTag():
                self.tags += 1
            case GarbageBlob():
                self.blobs += 1
                self.measures.count(Count.BLOBS_COLLECTED)
                self._free(removed.size)
            case ExpiredUpload() | InterruptedCommit():
                self.uploads += 1
                self.measures.count(Count.UPLOADS_COLLECTED)
                self._free(removed.size)

    def _free(self, size: int) -> None:
        self.size += size
        self.measures.count(Count.BYTES_COLLECTED, size)

    def __str__(self) -> str:
        trashed = f", {self.tags} attachments put into the trash" if self.tags else ""
        return (
            f"{self.manifests} manifests, {self.blobs} blobs and {self.uploads} uploads removed,"
            f" {self.size} bytes freed{trashed}"
        )


async def why_bytes_stay(registry: Registry) -> str:
    """The reason why nothing is garbage here; empty if the registry has not departed.

    Where only the database went elsewhere, these rows know nothing of what is pushed there, or
    restored: whatever they take for garbage may be needed.
    """
    has_departed = (await registry.metadata.migrations.find()).has_departed
    return WHY_BYTES_STAY if has_departed else ""


def criteria(
    registry: Registry, *, trash: float, untagged: bool, at_most: int | None = None
) -> Criteria:
    """The criteria of a collection now, by the policy.

    Args:
        trash: seconds for which what was deleted, or lost its last tag, is kept.
        untagged, at_most: see `Criteria`.
    """
    now, policy = registry.clock(), registry.policy
    return Criteria(
        now=now,
        grace=policy.grace,
        trash_before=now - trash,
        untagged=untagged,
        at_most=at_most,
        attachments=policy.attachments,
        immutable=policy.immutable,
    )


async def plan(
    registry: Registry, criteria: Criteria, *, uploads: bool = True, interrupted: bool = True
) -> Plan:
    """The plan of a collection now; changes nothing.

    To look for either of these, all uploads are listed.

    Args:
        uploads: whether uploads that were given up go, too.
        interrupted: whether what interrupted commits have left goes, too.
    """
    return Plan(
        criteria=criteria,
        uploads=await unfinished.find_expired(registry, criteria) if uploads else (),
        interrupted=(
            await unfinished.find_interrupted(registry, criteria.at_most) if interrupted else ()
        ),
        garbage=await registry.metadata.collection.find(criteria),
    )


async def run(registry: Registry, plan: Plan) -> AsyncIterator[GarbageItem]:
    """Remove what is in the plan and still garbage; yields each item that went."""
    async for removed in _run(registry, plan):
        unfinished.note(registry, removed)
        yield removed


async def run_in_steps(registry: Registry, criteria: Criteria) -> AsyncIterator[GarbageItem]:
    """Remove all garbage, as much at a time as `criteria.at_most` says; yields each item that went.

    What is found of a step is all that is held in memory, however much there is. What one step
    puts into the trash is not the garbage of the next one.
    """
    earlier = math.nextafter(criteria.now, 0)
    criteria = replace(criteria, trash_before=min(criteria.trash_before, earlier))
    before, removed, look = -1, 0, True
    while removed > before:
        before = removed
        step = await plan(registry, criteria, uploads=look, interrupted=look)
        look = not step.has_all_uploads
        async for item in run(registry, step):
            removed += 1
            yield item


async def _run(registry: Registry, plan: Plan) -> AsyncIterator[GarbageItem]:
    await unfinished.remove_committed(registry, plan.criteria)
    for upload in plan.uploads:
        if await unfinished.expire(registry, upload):
            yield upload
    for commit in plan.interrupted:
        await unfinished.remove_interrupted(registry, commit)
        yield commit
    async for row in _collect_rows(registry, plan):
        yield row
    async for blob in collect_blobs.remove(registry, plan.garbage.sorted_blobs()):
        yield blob


async def _collect_rows(registry: Registry, plan: Plan) -> AsyncIterator[GarbageItem]:
    for manifests in batches.pieces(plan.garbage.manifests, BATCH):
        for manifest in await registry.metadata.collection.remove_manifests(
            manifests, plan.criteria
        ):
            yield manifest
    for tags in batches.pieces(plan.garbage.tags, BATCH):
        more = True
        while more:
            trashed, more = await registry.metadata.collection.trash_orphans(tags, plan.criteria)
            for tag in trashed:
                yield tag
    for links in batches.pieces(plan.garbage.links, BATCH):
        for link in await registry.metadata.collection.remove_links(links, plan.criteria):
            yield link


async def list_kept(
    registry: Registry, plan: Plan
) -> AsyncIterator[tuple[RepositoryName, Sequence[tuple[Digest, Sequence[Digest]]]]]:
    """All repositories with the manifests that stay, each with what it refers to.

    A large repository comes in several pieces, one after the other.
    """
    metadata, has_garbage = registry.metadata, plan.garbage.has_manifest
    async for names in pages(partial(metadata.repositories.with_manifests, limit=PAGE)):
        for repository in names:
            read = partial(metadata.manifests.with_children, repository, limit=PAGE)
            async for page in pages(read, lambda manifest: manifest[0]):
                yield repository, [each for each in page if not has_garbage(repository, each[0])]

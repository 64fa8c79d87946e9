"""Showing a repository: its tags by what they point to, with all that people ask of them."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lading.core.access import Action, Grant
from lading.core.digest import Digest
from lading.core.errors import RepositoryUnknown
from lading.core.summaries import Child, ManifestKind, Summary, summarize
from lading.core.typing import T
from lading.metadata.manifest_lists import ListedManifest
from lading.metadata.tag_lists import ListedTag, Trace
from lading.services.registry import Registry

# Tags that are read, sorted and filtered at once.
MOST_TAGS = 5000
# Bytes of manifests that are read on the event loop, which takes about a millisecond.
MOST_ON_LOOP = 256 * 1024
_NO_TRACE = Trace(None, None, None)


@dataclass(frozen=True, slots=True)
class ShownManifest:
    """A manifest as a list shows it.

    Attributes:
        summary: of what it says; `None` if it is too large for a list.
        size: bytes of all that it holds, each blob as often as it is named.
        children: what an index holds and is here; attestations are none.
        attestations: how many of them it holds.
        referrers: what is about it, or about one of its children.
    """

    manifest: ListedManifest
    summary: Summary | None
    size: int
    children: Sequence[tuple[Child, "ShownManifest"]] = ()
    attestations: int = 0
    referrers: Sequence[ListedManifest] = ()

    @property
    def digest(self) -> Digest:
        """By which it is known."""
        return self.manifest.digest

    @property
    def kind(self) -> ManifestKind:
        """What people call it."""
        return ManifestKind.ARTIFACT if self.summary is None else self.summary.kind

    @property
    def platforms(self) -> Sequence[str]:
        """For which it is, as far as an index says so."""
        return [child.platform for child, _ in self.children if child.platform]


@dataclass(frozen=True, slots=True)
class TagGroup:
    """The tags that point to one manifest.

    Attributes:
        shown: the manifest; `None` if it is damaged.
        updated_at: when one of them was last moved.
        pushed_by: who did that; empty for anybody.
        pulled_at: when it was last pulled, by a tag or by its digest; `None` if that is not known.
    """

    digest: Digest
    tags: Sequence[ListedTag]
    shown: ShownManifest | None = None
    updated_at: float = 0.0
    pushed_by: str = ""
    pulled_at: float | None = None


@dataclass(frozen=True, slots=True)
class ShownRepository:
    """A part of a repository.

    Attributes:
        groups: the ones of this part.
        start: how many groups are before it.
        total: how many groups there are.
        tags: how many tags were read.
        is_whole: whether these are all tags.
    """

    groups: Sequence[TagGroup]
    start: int
    total: int
    tags: int
    is_whole: bool


Grouping = Callable[[Sequence[ListedTag]], Sequence[Sequence[ListedTag]]]
"""Puts tags into groups, those of one digest together, none of which is empty."""


async def show_repository(
    registry: Registry,
    grant: Grant,
    groups_of: Grouping,
    *,
    start: int = 0,
    limit: int = 100,
) -> ShownRepository:
    """A part of a repository's tags, by what they point to.

    Args:
        groups_of: puts tags into groups, in the order in which they are to be shown.
        start: how many groups to leave out.

    Raises:
        RepositoryUnknown: nothing was ever pushed to it.
    """
    grant.require(Action.PULL)
    metadata, repository = registry.metadata, grant.repository
    tags = await metadata.tags.of_repository(repository, limit=MOST_TAGS + 1)
    if not tags and not await metadata.repositories.exists(repository):
        raise RepositoryUnknown("", {"name": repository})
    groups = groups_of(tags[:MOST_TAGS])
    part = groups[start : start + limit]
    digests = [each[0].digest for each in part]
    family = ManifestFamily(await metadata.manifests.family(repository, digests))
    references = [str(tag.name) for group in part for tag in group]
    traces = await metadata.tags.traces(repository, [*references, *digests])
    return ShownRepository(
        await family.off_loop(lambda: [_group(group, family, traces) for group in part]),
        start,
        len(groups),
        len(tags),
        len(tags) <= MOST_TAGS,
    )


async def show_untagged(
    registry: Registry, grant: Grant, *, after: str = "", limit: int = 100
) -> Sequence[ShownManifest]:
    """What neither a tag nor another manifest leads to, in the order of digests."""
    grant.require(Action.PULL)
    manifests = registry.metadata.manifests
    found = await manifests.untagged(grant.repository, after=after, limit=limit)
    family = ManifestFamily(
        await manifests.family(grant.repository, [manifest.digest for manifest in found])
    )
    return await family.off_loop(
        lambda: [shown for each in found if (shown := family.show(each.digest)) is not None]
    )


class ManifestFamily:
    """Manifests, with those that they hold and those that are about them."""

    def __init__(self, manifests: Sequence[ListedManifest]) -> None:
        self._manifests = {manifest.digest: manifest for manifest in manifests}
        self._leaves: dict[Digest, ShownManifest] = {}
        self._about: dict[Digest, list[ListedManifest]] = {}
        for manifest in manifests:
            if manifest.subject is not None:
                self._about.setdefault(manifest.subject, []).append(manifest)

    async def off_loop(self, work: Callable[[], T]) -> T:
        """What is made of them; in a thread, if there is so much to read that others would wait."""
        size = sum(len(manifest.body or b"") for manifest in self._manifests.values())
        return work() if size <= MOST_ON_LOOP else await asyncio.to_thread(work)

    def show(self, digest: Digest) -> ShownManifest | None:
        """One of them; `None` if it is not there."""
        manifest = self._manifests.get(digest)
        if manifest is None:
            return None
        about = self._about.get(digest, [])
        if manifest.body is None:
            return ShownManifest(manifest, None, manifest.size, referrers=about)
        summary = summarize(manifest.body, manifest.media_type)
        children = [
            (child, shown)
            for child in summary.children
            if not child.is_attestation and (shown := self._leaf(child.digest)) is not None
        ]
        attestations = sum(child.is_attestation for child in summary.children)
        size = summary.size + sum(shown.size for _, shown in children)
        return ShownManifest(manifest, summary, size, children, attestations, about)

    def _leaf(self, digest: Digest) -> ShownManifest | None:
        """A manifest that an index holds; what one of these holds is not looked at."""
        # Many indexes may hold it, or one many times.
        if digest not in self._leaves and digest in self._manifests:
            self._leaves[digest] = self._made_leaf(self._manifests[digest])
        return self._leaves.get(digest)

    def _made_leaf(self, manifest: ListedManifest) -> ShownManifest:
        if manifest.body is None:
            return ShownManifest(manifest, None, manifest.size)
        summary = summarize(manifest.body, manifest.media_type)
        about = self._about.get(manifest.digest, [])
        return ShownManifest(manifest, summary, summary.size, referrers=about)


def _group(
    tags: Sequence[ListedTag], family: ManifestFamily, traces: Mapping[str, Trace]
) -> TagGroup:
    digest = tags[0].digest
    last = max(tags, key=lambda tag: tag.updated_at)
    names = [str(digest), *(tag.name for tag in tags)]
    pulls = [traces.get(name, _NO_TRACE).pulled_at for name in names]
    return TagGroup(
        digest,
        tags,
        family.show(digest),
        last.updated_at,
        traces.get(last.name, _NO_TRACE).pushed_by or "",
        max((at for at in pulls if at is not None), default=None),
    )

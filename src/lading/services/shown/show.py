"""Showing a repository: its tags by what they point to, with all that people ask of them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lading.core.access import Action, Grant
from lading.core.digest import Digest
from lading.core.versions import natural
from lading.metadata.shown.tag_lists import MOST_NAMED, ListedTag, TagsOfOne, Trace
from lading.services.registry import Registry
from lading.services.shown.families import ManifestFamily, ShownManifest

# Tags that are sorted as versions at once; of more, a page has those that come next by letter.
MOST_SORTED = 5000
_NO_TRACE = Trace(None, None)


@dataclass(frozen=True, slots=True)
class TagGroup:
    """The tags that point to one manifest.

    Attributes:
        shown: the manifest; `None` if it is damaged.
        count: how many they are; the last ones moved are in `tags`, if there are many.
        updated_at: when one of them was last moved.
        pushed_by: who did that; empty for anybody.
        pulled_at: when it was last pulled, by a tag or by its digest; `None` if that is not known.
    """

    digest: Digest
    tags: Sequence[ListedTag]
    count: int
    shown: ShownManifest | None = None
    updated_at: float = 0.0
    pushed_by: str = ""
    pulled_at: float | None = None


@dataclass(frozen=True, slots=True)
class ShownRepository:
    """A part of a repository.

    Attributes:
        start: how many groups are before it, where that is known.
        total: how many groups there are; `None` if tags are too many to be sorted as versions.
        tags: how many tags there are, or that there are at least.
        is_whole: whether these are all tags.
        after: the tag after which the next part starts, where tags are too many; else empty.
    """

    groups: Sequence[TagGroup]
    start: int
    total: int | None
    tags: int
    is_whole: bool
    after: str = ""

    @property
    def next_start(self) -> int:
        """How many groups are before the next part; 0 if there is none, or that is not known."""
        end = self.start + len(self.groups)
        return end if self.groups and self.total is not None and end < self.total else 0


async def show_repository(
    registry: Registry, grant: Grant, *, words: str = "", start: int = 0, limit: int
) -> ShownRepository:
    """A part of a repository's tags by what they point to, the one that was moved last first.

    Args:
        words: that tags have in them, in lower case.
        start: how many groups to leave out.

    Raises:
        RepositoryUnknown: nothing is left of what was pushed to it.
    """
    grant.require(Action.PULL)
    tags = registry.metadata.tags
    found = await tags.latest(grant.repository, words=words, start=start, limit=limit)
    if not found.groups:
        await registry.metadata.repositories.require(grant.repository)
    groups = await _shown(registry, grant, found.groups)
    return ShownRepository(groups, start, found.total, found.tags, found.is_whole)


async def show_versions(
    registry: Registry,
    grant: Grant,
    *,
    words: str,
    start: int,
    after: str,
    limit: int,
) -> ShownRepository:
    """A part of a repository's tags by what they point to, the newest version first.

    If there are too many to be sorted so, the last one by letter is the first one.

    Args:
        after: the tag after which to start, where there are too many; empty for the first part.

    Raises:
        RepositoryUnknown: nothing is left of what was pushed to it.
    """
    grant.require(Action.PULL)
    most = limit if after else MOST_SORTED
    tags = await registry.metadata.tags.of_repository(
        grant.repository, words=words, after=after, limit=most + 1
    )
    if not tags:
        await registry.metadata.repositories.require(grant.repository)
    if after or len(tags) > most:
        groups = await _shown(registry, grant, _counted(_together(tags[:limit])))
        last = tags[limit - 1].name if len(tags) > limit else ""
        return ShownRepository(groups, 0, None, len(tags), is_whole=False, after=last)
    # Of thousands it takes as long as hundreds of requests: these go on meanwhile.
    every = await asyncio.to_thread(_by_version, tags)
    groups = await _shown(registry, grant, _counted(every[start : start + limit]))
    return ShownRepository(groups, start, len(every), len(tags), is_whole=True)


def _by_version(tags: Sequence[ListedTag]) -> Sequence[Sequence[ListedTag]]:
    return _together(sorted(tags, key=lambda tag: natural(tag.name), reverse=True))


def _together(tags: Sequence[ListedTag]) -> Sequence[Sequence[ListedTag]]:
    """Tags of one digest together, in the order of the first of them."""
    groups: dict[str, list[ListedTag]] = {}
    for tag in tags:
        groups.setdefault(tag.digest, []).append(tag)
    return list(groups.values())


def _counted(groups: Sequence[Sequence[ListedTag]]) -> Sequence[TagsOfOne]:
    """Groups with how many tags each has, of which some are named."""
    return [(tags[:MOST_NAMED], len(tags)) for tags in groups]


async def _shown(
    registry: Registry, grant: Grant, found: Sequence[TagsOfOne]
) -> Sequence[TagGroup]:
    metadata, repository = registry.metadata, grant.repository
    if not found:
        return []
    digests = [tags[0].digest for tags, _ in found]
    family = ManifestFamily(await metadata.manifests.family(repository, digests))
    references = [str(tag.name) for tags, _ in found for tag in tags]
    traces = await metadata.tags.traces(repository, [*references, *digests])
    return await family.make_each(lambda each: _group(*each, family, traces), found)


async def show_untagged(
    registry: Registry, grant: Grant, *, after: str, limit: int
) -> Sequence[ShownManifest]:
    """Manifests to which neither a tag nor another manifest leads, in the order of digests."""
    grant.require(Action.PULL)
    manifests = registry.metadata.manifests
    found = await manifests.untagged(grant.repository, after=after, limit=limit)
    family = ManifestFamily(
        await manifests.family(grant.repository, [manifest.digest for manifest in found])
    )
    every = await family.make_each(family.show, [each.digest for each in found])
    return [shown for shown in every if shown is not None]


def _group(
    tags: Sequence[ListedTag], count: int, family: ManifestFamily, traces: Mapping[str, Trace]
) -> TagGroup:
    digest = tags[0].digest
    last = max(tags, key=lambda tag: tag.updated_at)
    names = [str(digest), *(tag.name for tag in tags)]
    pulls = [traces.get(name, _NO_TRACE).pulled_at for name in names]
    return TagGroup(
        digest,
        tags,
        count,
        family.show(digest),
        last.updated_at,
        traces.get(last.name, _NO_TRACE).pushed_by or "",
        max((at for at in pulls if at is not None), default=None),
    )

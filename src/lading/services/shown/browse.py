"""Browsing: repositories as people look through them, as far as the caller sees them."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress

from lading.core.access import Access
from lading.core.names import RepositoryName, Tag
from lading.metadata.shown.repository_lists import ListedRepository, ListOrder
from lading.services.registry import Registry
from lading.system.threads import make_each

# Repositories that are read for a caller whose rights tell no more than how names begin that it may
# see, where the first page of them does not do, each time; the list goes on from there.
MORE_READS = 2000, 7500
# Repositories and tags that a search looks at.
MOST_HITS = 500
# Prefixes of names that one statement looks for.
MOST_PREFIXES = 16
# Repositories and folders that are looked at for a list of folders.
MOST_FOLDERS = 300
# Repositories of a list that are counted for it, if they have changed since they were counted.
MOST_COUNTED = 10


@dataclass(frozen=True, slots=True)
class RegistryTotals:
    """The totals of a registry at some time, and the bytes of all blobs."""

    repositories: int
    tags: int
    stored: int
    at: float


@dataclass(frozen=True, slots=True)
class Browsed:
    """A part of the repositories.

    Attributes:
        items: in the order asked for.
        after: the place after which the next part starts; empty if there is none.
        folders: right below the one that was asked for, without the `/`.
        totals: of the whole registry, for who sees all of it, once it was counted.
    """

    items: Sequence[ListedRepository]
    after: str
    folders: Sequence[str]
    totals: RegistryTotals | None


async def browse(
    registry: Registry,
    access: Access,
    *,
    order: ListOrder,
    folder: str,
    words: str,
    after: str,
    limit: int,
) -> Browsed:
    """A part of the repositories that the caller sees.

    Args:
        folder: in which, with the `/` at its end; empty for all.
        words: that their names hold.
    """
    repositories = registry.metadata.repositories
    if not access.sees_all(folder):
        seen, after = await _seen(registry, access, order, folder, words, after, limit)
        items = await _counted(registry, seen)
        return Browsed(items, after, _folders_of_rights(access, folder), None)
    listed = await repositories.listed(
        order=order, within=[folder], words=words, after=after, limit=limit + 1
    )
    await asyncio.sleep(0)  # a read of a file is no turn for others
    folders = await repositories.folders(prefix=folder, limit=MOST_FOLDERS)
    await asyncio.sleep(0)
    items = await _counted(registry, listed[:limit])
    totals = None
    if access.sees_all("") and not (folder or words):  # they are not of a part
        are_all = not after and len(listed) <= limit
        totals = await _totals(registry, items if are_all else None)
    return Browsed(items, _after(listed, order, limit), folders, totals)


async def _seen(
    registry: Registry,
    access: Access,
    order: ListOrder,
    folder: str,
    words: str,
    after: str,
    limit: int,
) -> tuple[Sequence[ListedRepository], str]:
    """The repositories among those of a list that the caller sees, and where it goes on.

    They are fewer than asked for if they are rare among those that are looked at.
    """
    found: list[ListedRepository] = []
    within = visible_within(access, folder)
    for most in (limit + 1, *MORE_READS) if within else ():
        listed = await registry.metadata.repositories.listed(
            order=order, within=within, words=words, after=after, limit=most
        )
        seen = await make_each(lambda item: access.sees(item.name), listed)
        found += compress(listed, seen)
        if len(found) > limit or len(listed) < most:
            return found[:limit], _after(found, order, limit)
        after = listed[-1].place(order)
    return found, after if within else ""


def visible_within(access: Access, folder: str = "") -> Sequence[str]:
    """The prefixes with which names begin that the caller sees in a folder."""
    below = [
        max(folder, prefix, key=len)
        for prefix in access.visible_prefixes()
        if prefix.startswith(folder) or folder.startswith(prefix)
    ]
    if len(below) <= MOST_PREFIXES:
        return below
    return [os.path.commonprefix(below)]  # noqa: RUF071 - of texts


def _after(found: Sequence[ListedRepository], order: ListOrder, limit: int) -> str:
    return found[limit - 1].place(order) if len(found) > limit else ""


async def _counted(
    registry: Registry, items: Sequence[ListedRepository]
) -> Sequence[ListedRepository]:
    """Repositories with their figures as they are now, where few have changed and these are small.

    So whoever has just pushed sees right numbers at once, and need not wait for the job.
    """
    stale = [item.id for item in items if item.recount][:MOST_COUNTED]
    if not stale:
        return items
    found = await registry.metadata.figures.count_few(stale, now=registry.clock())
    return [
        item
        if (now := found.get(item.id)) is None
        else replace(item, size=now.size, tags=now.tags, pushed_at=now.pushed_at or item.pushed_at)
        for item in items
    ]


async def _totals(
    registry: Registry, every: Sequence[ListedRepository] | None
) -> RegistryTotals | None:
    """The totals now if that is no trouble, or else of the last sample.

    Args:
        every: all repositories; `None` if they are more.
    """
    last, stored = await registry.metadata.samples.now()
    tags = None if every is None else [item.tags for item in every if item.tags is not None]
    if every is not None and tags is not None and len(tags) == len(every) and stored is not None:
        return RegistryTotals(len(every), sum(tags), stored, registry.clock())
    if last is None or (every is not None and last.repositories < len(every)):
        return None
    return RegistryTotals(last.repositories, last.tags, last.stored, last.at)


def _folders_of_rights(access: Access, folder: str) -> Sequence[str]:
    """The folders that the caller's own rights name: they tell nothing of what is there."""
    below = {
        prefix.removeprefix(folder).partition("/")
        for prefix in access.visible_prefixes()
        if prefix.startswith(folder)
    }
    return sorted(name for name, slash, _ in below if name and slash)


@dataclass(frozen=True, slots=True)
class Hit:
    """A hit of a search: a repository, or a tag of one."""

    repository: RepositoryName
    tag: Tag | None = None


async def search(registry: Registry, access: Access, words: str, *, limit: int) -> Sequence[Hit]:
    """Repositories whose names hold some words, and tags that begin with them."""
    metadata, words, within = registry.metadata, words.strip(), visible_within(access)
    if not within:
        return ()
    listed = await metadata.repositories.listed(
        order=ListOrder.NAME, within=within, words=words.lower(), after="", limit=MOST_HITS
    )
    names = [Hit(item.name) for item in listed if access.sees(item.name)]
    tags = await search_tags(registry, access, words)
    # Some of each, if there are many of both.
    most_names = max(limit - len(tags), limit // 2)
    shown = names[:most_names]
    return [*shown, *tags[: limit - len(shown)]]


async def search_tags(
    registry: Registry, access: Access, words: str, *, folder: str = ""
) -> Sequence[Hit]:
    """Tags that begin with some words, in a folder or in all."""
    within = visible_within(access, folder)
    if not within:
        return ()
    found = await registry.metadata.tags.search(words, within=within, limit=MOST_HITS)
    return [Hit(repository, tag) for repository, tag in found if access.sees(repository)]

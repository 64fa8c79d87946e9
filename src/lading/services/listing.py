"""Lists, in pages: tags, repositories, referrers."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic

from lading.core.access import Access, Action, Grant
from lading.core.digest import Digest
from lading.core.typing import T
from lading.metadata.referrers import Referrer
from lading.services.registry import Registry

# Names read in one go while looking for those that a caller sees.
LEAST_AT_ONCE = 100
# Names read in one go at most, as reads do not wait: others have their turn between two.
MOST_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page: a part of a list, and what the next one starts after, unless it is the last."""

    items: Sequence[T]
    last: str | None


async def all_names(page: Callable[..., Awaitable[Page[str]]]) -> AsyncGenerator[str, None]:
    """All names of a list, of which `page(after=…, limit=…)` gives a part."""
    after: str | None = ""
    while after is not None:
        part = await page(after=after, limit=MOST_AT_ONCE)
        for name in part.items:
            yield name
        after = part.last


async def list_tags(registry: Registry, grant: Grant, *, after: str, limit: int) -> Page[str]:
    """A page of the repository's tags, in byte order, if something was ever pushed to it."""
    grant.require(Action.PULL)
    metadata, repository = registry.metadata, grant.repository
    found: list[str] = []
    while True:
        at_once = min(limit + 1 - len(found), MOST_AT_ONCE)
        names = await metadata.tags.page(repository, after=after, limit=at_once)
        found += names
        if len(names) < at_once or len(found) > limit:
            break
        after = names[-1]
        await asyncio.sleep(0)
    if not found:
        await metadata.repositories.require(repository)
    return _page_of_names(found, limit)


async def list_repositories(
    registry: Registry, access: Access, *, after: str, limit: int
) -> Page[str]:
    """A page of the repositories that the caller sees, in byte order.

    Costs what there is below the prefixes of the caller's rights, up to the end of the page.
    """
    found: list[str] = []
    for prefix in access.visible_prefixes():
        found += await _seen_below(registry, access, prefix, after, limit + 1 - len(found))
        if len(found) > limit:
            break
    return _page_of_names(found, limit)


async def _seen_below(
    registry: Registry, access: Access, prefix: str, after: str, wanted: int
) -> list[str]:
    """The names that the caller sees, that start with `prefix` and follow `after`.

    All of them, or `wanted` at least.
    """
    found: list[str] = []
    sees_all = access.sees_all(prefix)
    limit = min(max(wanted, LEAST_AT_ONCE), MOST_AT_ONCE)
    while True:
        names = await registry.metadata.repositories.page(after=after, limit=limit, prefix=prefix)
        found += names if sees_all else filter(access.sees, names)
        if len(names) < limit or len(found) >= wanted:
            return found
        after = names[-1]
        await asyncio.sleep(0)


async def list_referrers(
    registry: Registry,
    grant: Grant,
    subject: Digest,
    *,
    artifact_type: str | None,
    after: str,
    limit: int,
    max_size: int,
) -> Page[Referrer]:
    """A page of the manifests that are about `subject`, which need not exist.

    Args:
        artifact_type: only those of this type; `None` for all.
        after: the digest after which to start.
        max_size: bytes of types and annotations after which the page ends.
    """
    grant.require(Action.PULL)
    found: list[Referrer] = []
    while True:
        piece = await registry.metadata.manifests.referrers(
            grant.repository,
            subject,
            artifact_type=artifact_type,
            after=after,
            limit=limit + 1 - len(found),
            max_size=max_size - sum(referrer.shown_size for referrer in found),
        )
        found += piece.items
        items = _within(found[:limit], max_size)
        if len(items) < len(found):
            return Page(items, items[-1].digest if items else None)
        if piece.last is None:
            return Page(items, None)
        after = piece.last
        await asyncio.sleep(0)


def _within(found: Sequence[Referrer], max_size: int) -> Sequence[Referrer]:
    """The referrers that fit, and at least one."""
    size = 0
    for count, referrer in enumerate(found):
        size += referrer.shown_size
        if size > max_size and count > 0:
            return found[:count]
    return found


def _page_of_names(found: Sequence[str], limit: int) -> Page[str]:
    items = found[:limit]
    return Page(items, items[-1] if len(found) > limit and items else None)

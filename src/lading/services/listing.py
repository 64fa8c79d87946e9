"""Lists, in pages: tags, repositories, referrers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from lading.core.access import Action, Grant
from lading.core.digest import Digest
from lading.core.errors import RepositoryUnknown
from lading.ports import Referrer
from lading.services.registry import Registry

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of a list.

    Attributes:
        last: what the next page starts after; `None` if this page is the last.
    """

    items: Sequence[T]
    last: str | None


async def list_tags(registry: Registry, grant: Grant, *, after: str, limit: int) -> Page[str]:
    """A page of the repository's tags, in byte order.

    Raises:
        RepositoryUnknown: nothing was ever pushed to it.
    """
    grant.require(Action.PULL)
    found = await registry.metadata.list_tags(grant.repository, after=after, limit=limit + 1)
    if not found and not await registry.metadata.repository_exists(grant.repository):
        raise RepositoryUnknown("", {"name": grant.repository})
    return _page_of_names(found, limit)


async def list_repositories(registry: Registry, *, after: str, limit: int) -> Page[str]:
    """A page of the registry's repositories, in byte order."""
    found = await registry.metadata.list_repositories(after=after, limit=limit + 1)
    return _page_of_names(found, limit)


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
        registry: the parts.
        grant: must allow pull.
        subject: what they are about.
        artifact_type: only those of this type; `None` for all.
        after: the digest after which to start.
        limit: at most so many.
        max_size: bytes of annotations after which the page ends.
    """
    grant.require(Action.PULL)
    found = await registry.metadata.list_referrers(
        grant.repository, subject, artifact_type=artifact_type, after=after, limit=limit + 1
    )
    items = _within(found[:limit], max_size)
    return Page(items, items[-1].digest if len(found) > len(items) and items else None)


def _within(found: Sequence[Referrer], max_size: int) -> Sequence[Referrer]:
    """As many as fit, and at least one."""
    size = 0
    for count, referrer in enumerate(found):
        size += sum(len(name) + len(value) for name, value in referrer.annotations.items())
        if size > max_size and count > 0:
            return found[:count]
    return found


def _page_of_names(found: Sequence[str], limit: int) -> Page[str]:
    items = found[:limit]
    return Page(items, items[-1] if len(found) > limit and items else None)

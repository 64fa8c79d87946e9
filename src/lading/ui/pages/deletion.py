"""Deletion of tags and images: a page that says what goes, and the form that does it."""

import asyncio
import hashlib
from itertools import islice

from lading.core.access import Action
from lading.core.digest import Digest
from lading.core.errors import DeleteDisabled, ManifestUnknown, NotAsExpected, ReadOnly
from lading.core.immutability import is_immutable
from lading.core.names import Reference, Tag
from lading.edge.response import Response
from lading.services.delete import delete_manifest
from lading.services.shown.space import freed_by
from lading.ui.context import Visit
from lading.ui.forms import Form
from lading.ui.rendering import page, see_other

# Tags that are named, of those that go with an image.
MOST_NAMED = 100


async def ask_about_tag(visit: Visit) -> Response:
    """Whether a tag is to be deleted: what it says, what stays, and what is freed."""
    tag = Tag(visit.argument)
    digest = await _digest_of(visit, tag)
    others = [other for other in await _tags_of(visit, digest) if other != tag]
    return await _ask(visit, tag, digest, others, _kept(visit, [tag]))


async def ask_about_image(visit: Visit) -> Response:
    """Whether an image is to be deleted, with all its tags."""
    digest = Digest(visit.argument)
    tags = await _tags_of(visit, await _digest_of(visit, digest))
    keeping = await asyncio.to_thread(_kept, visit, tags)  # there may be very many
    return await _ask(visit, digest, digest, tags, keeping)


async def delete_tag(visit: Visit, form: Form) -> Response:
    """Delete a tag, if it points to what the page said; what it points to stays."""
    tag, said = Tag(visit.argument), form.get("digest")
    expected, change = frozenset({said}) if said else None, visit.change()
    try:
        await delete_manifest(visit.registry, visit.grant, tag, expected=expected, change=change)
    except NotAsExpected as error:
        if await visit.registry.metadata.manifests.find(visit.repository, tag) is None:
            raise ManifestUnknown("the tag is not there any more") from error
        raise NotAsExpected("the tag leads to another image than the page said") from error
    return see_other(visit, f"/r/{visit.repository}", done="tag-deleted")


async def delete_image(visit: Visit, form: Form) -> Response:
    """Delete an image with its tags, if they are those that the page named."""
    digest, said = Digest(visit.argument), form.get("tags")
    tags = await _tags_of(visit, digest) if said else None
    if tags is not None and said != _sum_of(tags):
        raise NotAsExpected("other tags lead to the image than the page said")
    expected = None if tags is None else frozenset(tags)
    change = visit.change()
    await delete_manifest(
        visit.registry, visit.grant, digest, expected_tags=expected, change=change
    )
    return see_other(visit, f"/r/{visit.repository}", done="image-deleted")


def _sum_of(tags: list[Tag]) -> str:
    """A sum over tags, by which it is known whether they are the same, however many."""
    return hashlib.sha256("\n".join(sorted(tags)).encode()).hexdigest()


async def _digest_of(visit: Visit, reference: Reference) -> Digest:
    """The digest of what may be deleted, if it is there."""
    visit.grant.require(Action.DELETE)
    if visit.is_read_only:
        raise ReadOnly
    if not visit.registry.policy.delete_enabled:
        raise DeleteDisabled
    found = await visit.registry.metadata.manifests.find(visit.repository, reference)
    if found is None:
        raise ManifestUnknown("", {"name": visit.repository, "reference": reference})
    return found.digest


async def _tags_of(visit: Visit, digest: Digest) -> list[Tag]:
    """The tags that point to a manifest."""
    return await visit.registry.metadata.tags.of_manifest(visit.repository, digest)


def _kept(visit: Visit, tags: list[Tag]) -> list[Tag]:
    """The first tag that a rule of the operator's keeps, if there is one."""
    rules = visit.registry.policy.immutable
    kept = (tag for tag in tags if is_immutable(rules, visit.repository, tag))
    return [*islice(kept, 1)]


async def _ask(
    visit: Visit, reference: Reference, digest: Digest, tags: list[Tag], keeping: list[Tag]
) -> Response:
    freed = await freed_by(visit.registry, visit.grant, [reference])
    return page(
        visit,
        "delete.html",
        reference=reference,
        is_tag=isinstance(reference, Tag),
        digest=digest,
        tags=tags[:MOST_NAMED],
        more=max(0, len(tags) - MOST_NAMED),
        sum_of_tags=_sum_of(tags),
        keeping=keeping,
        freed=freed,
        policy=visit.registry.policy,
    )

"""A repository: its tags, what they point to, and what one may do with them."""

from collections.abc import Iterable, Mapping, Sequence

from lading.core.access import Action
from lading.core.digest import Digest
from lading.core.errors import PageInvalid
from lading.core.images.summaries import ManifestKind
from lading.core.immutability import is_immutable
from lading.core.names import subject_of
from lading.edge.response import Response
from lading.services.shown.families import ShownManifest
from lading.services.shown.show import (
    ShownRepository,
    TagGroup,
    show_repository,
    show_untagged,
    show_versions,
)
from lading.ui.address import address_of, pull_lines
from lading.ui.context import Visit
from lading.ui.rendering import page

ON_A_PAGE = 100
_MOST_WORDS = 128
_KINDS = {"image": "image", "index": "multi-platform image", "artifact": "artifact"}


async def show(visit: Visit) -> Response:
    """The repository's tags, or what has none."""
    if visit.asked("show") == "untagged":
        return await _untagged(visit)
    words = visit.asked("q").strip()[:_MOST_WORDS]
    by_name = visit.asked("sort") == "name"
    start = _start(visit.asked("from") or "0")
    after = visit.asked("after")[:_MOST_WORDS] if by_name else ""
    shown = await _show(visit, words.lower(), start, after, by_name=by_name)
    if not (shown.tags or words or start or after):
        return await _untagged(visit)
    address = address_of(visit)
    newest = _newest(shown.groups)
    artifact = artifact_of(newest.shown) if newest else ""
    name = newest.tags[0].name if newest else ""
    return page(
        visit,
        "repository.html",
        shown=shown,
        words=words,
        sort="name" if by_name else "",
        is_first=not (start or after),
        kinds=_KINDS,
        platforms=await platforms(visit, (each.shown for each in shown.groups if each.shown)),
        newest=name,
        lines=pull_lines(address, visit.repository, name, artifact) if newest else [],
        attached={
            tag.name: subject
            for each in shown.groups
            for tag in each.tags
            if (subject := subject_of(tag.name))
        },
        digest_lines=(
            pull_lines(address, visit.repository, newest.digest, artifact) if newest else []
        ),
        kept=_kept(visit, shown.groups),
        may_delete=may_delete(visit),
    )


async def _show(
    visit: Visit, words: str, start: int, after: str, *, by_name: bool
) -> ShownRepository:
    registry, grant = visit.registry, visit.grant
    if not by_name:
        return await show_repository(registry, grant, words=words, start=start, limit=ON_A_PAGE)
    return await show_versions(
        registry, grant, words=words, start=start, after=after, limit=ON_A_PAGE
    )


async def _untagged(visit: Visit) -> Response:
    after = visit.asked("after")
    registry, grant = visit.registry, visit.grant
    found = await show_untagged(registry, grant, after=after, limit=ON_A_PAGE + 1)
    if not found and not after:
        # Raises for what is no repository.
        await show_repository(registry, grant, limit=1)
    part = found[:ON_A_PAGE]
    return page(
        visit,
        "untagged.html",
        found=part,
        after=after,
        next_=part[-1].digest if len(found) > ON_A_PAGE else "",
        kinds=_KINDS,
        platforms=await platforms(visit, part),
        may_delete=may_delete(visit),
    )


async def platforms(visit: Visit, shown: Iterable[ShownManifest]) -> Mapping[Digest, str]:
    """The platforms of those of some manifests that are single images, by their own digests."""
    configs = {
        each.digest: each.summary.config
        for each in shown
        if each.kind is ManifestKind.IMAGE and each.summary and each.summary.config
    }
    found = await visit.parts.platforms.find(visit.registry.blobs, configs.values())
    return {digest: found.get(config, "") for digest, config in configs.items()}


def artifact_of(shown: ShownManifest | None) -> str:
    """The type of what is no image; empty for one, and for what is too large to be told."""
    if shown is None or shown.summary is None or shown.kind is not ManifestKind.ARTIFACT:
        return ""
    return shown.manifest.artifact_type or "artifact"


def may_delete(visit: Visit) -> bool:
    """Whether the visitor may delete something here."""
    return visit.may_change(Action.DELETE) and visit.registry.policy.delete_enabled


def _kept(visit: Visit, groups: Sequence[TagGroup]) -> set[str]:
    """The tags that stay as they are, by the operator's rules."""
    rules = visit.registry.policy.immutable
    return {
        tag.name
        for each in groups
        for tag in each.tags
        if is_immutable(rules, visit.repository, tag.name)
    }


def _newest(groups: Sequence[TagGroup]) -> TagGroup | None:
    """The first tags that somebody may want to pull; what clients attach to images is seldom it."""
    named = (each for each in groups if not subject_of(each.tags[0].name))
    return next(named, groups[0] if groups else None)


def _start(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise PageInvalid("`from` must be a number")
    return int(text)

"""A repository: its tags, what they point to, and what one may do with them."""

from collections.abc import Sequence

from lading.core.access import Action
from lading.core.errors import PageInvalid
from lading.core.immutability import is_immutable
from lading.edge.response import Response
from lading.metadata.tag_lists import ListedTag
from lading.services.show import TagGroup, show_repository, show_untagged
from lading.ui.address import address_of, pull_lines
from lading.ui.context import Visit
from lading.ui.rendering import page
from lading.ui.units import natural

ON_A_PAGE = 100
_MOST_WORDS = 128
_KINDS = {"image": "image", "index": "multi-platform image", "artifact": "artifact"}


async def show(visit: Visit) -> Response:
    """The repository's tags, or what has none."""
    if visit.request.parameter("show") == "untagged":
        return await _untagged(visit)
    words = (visit.request.parameter("q") or "").strip()[:_MOST_WORDS]
    by_name = visit.request.parameter("sort") == "name"
    start = _start(visit.request.parameter("from") or "0")

    def grouped(tags: Sequence[ListedTag]) -> Sequence[Sequence[ListedTag]]:
        return group([tag for tag in tags if words.lower() in tag.name.lower()], by_name=by_name)

    shown = await show_repository(
        visit.registry, visit.grant, grouped, start=start, limit=ON_A_PAGE
    )
    if not (shown.tags or words or start):
        return await _untagged(visit)
    end = start + len(shown.groups)
    address = address_of(visit)
    newest = shown.groups[0].tags[0].name if shown.groups else ""
    return page(
        visit,
        "repository.html",
        repository=visit.repository,
        shown=shown,
        words=words,
        sort="name" if by_name else "",
        start=start,
        next_=end if end < shown.total else 0,
        kinds=_KINDS,
        lines=pull_lines(address, visit.repository, newest) if newest else [],
        digest_lines=(
            pull_lines(address, visit.repository, shown.groups[0].digest) if newest else []
        ),
        kept=_kept(visit, shown.groups),
        may_delete=may_delete(visit),
    )


async def _untagged(visit: Visit) -> Response:
    after = visit.request.parameter("after") or ""
    registry, grant = visit.registry, visit.grant
    found = await show_untagged(registry, grant, after=after, limit=ON_A_PAGE + 1)
    if not found and not after:
        # Raises for what is no repository.
        await show_repository(registry, grant, lambda tags: [list(tags)] if tags else [], limit=1)
    part = found[:ON_A_PAGE]
    return page(
        visit,
        "untagged.html",
        repository=visit.repository,
        found=part,
        after=after,
        next_=part[-1].digest if len(found) > ON_A_PAGE else "",
        kinds=_KINDS,
        may_delete=may_delete(visit),
    )


def group(tags: Sequence[ListedTag], *, by_name: bool) -> Sequence[Sequence[ListedTag]]:
    """Tags of one digest together; the newest version or the last one moved first."""
    groups: dict[str, list[ListedTag]] = {}
    for tag in sorted(tags, key=lambda tag: natural(tag.name), reverse=True):
        groups.setdefault(tag.digest, []).append(tag)
    found = list(groups.values())
    if not by_name:
        found.sort(key=lambda each: max(tag.updated_at for tag in each), reverse=True)
    return found


def may_delete(visit: Visit) -> bool:
    """Whether the visitor may delete something here."""
    return visit.may(Action.DELETE) and visit.registry.policy.delete_enabled


def _kept(visit: Visit, groups: Sequence[TagGroup]) -> set[str]:
    """The tags that stay as they are, by the operator's rules."""
    rules = visit.registry.policy.immutable
    return {
        tag.name
        for each in groups
        for tag in each.tags
        if is_immutable(rules, visit.repository, tag.name)
    }


def _start(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise PageInvalid("`from` must be a number")
    return int(text)

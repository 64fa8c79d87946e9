"""The trash, the history of tags, and their ways back."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from lading.core.access import Action, Grant
from lading.core.digest import Digest
from lading.core.errors import NotAsExpected, PageInvalid
from lading.core.history import TrashedManifest
from lading.core.names import Reference, RepositoryName, Tag, parse_reference
from lading.edge.response import Response
from lading.metadata.trash import FIRST, Place
from lading.services import trash
from lading.services.trash import Trashed, TrashPlace
from lading.ui.context import Visit
from lading.ui.forms import Form
from lading.ui.rendering import page, see_other

ON_A_PAGE = 50
# Digits of an id, of which databases have 63 bits.
_DIGITS = 19
# Moves of a tag that are shown.
MOST_MOVES = 100


class Waiting(NamedTuple):
    """Something in the trash, as the page shows it: until when, and what a form asks to restore."""

    item: Trashed
    is_image: bool
    kept_until: float
    reference: str
    may_restore: bool


async def show(visit: Visit) -> Response:
    """What was deleted and can be restored, in all repositories or in one (`repository`)."""
    name = visit.request.parameter("repository")
    place = TrashPlace(_place_in(visit, "manifest"), _place_in(visit, "tag"))
    repository = None if name is None else RepositoryName(name)
    found, behind = await trash.list_some(
        visit.registry, visit.access, repository, place, limit=ON_A_PAGE
    )
    return page(
        visit,
        "trash.html",
        waiting=[_waiting(visit, item) for item in found],
        repository=name or "",
        is_seen=name is not None and visit.access.sees(name),
        next_page=None
        if behind is None
        else visit.path(
            "/-/trash",
            repository=name,
            manifest=_written(behind.manifest),
            tag=_written(behind.tag),
        ),
        first_page=None
        if place == TrashPlace(FIRST, FIRST)
        else visit.path("/-/trash", repository=name),
        kept=visit.registry.policy.trash,
    )


def _waiting(visit: Visit, item: Trashed) -> Waiting:
    is_image = isinstance(item, TrashedManifest)
    reference = item.digest if isinstance(item, TrashedManifest) else item.tag
    kept_until = trash.kept_until(visit.registry, item)
    may_push = Action.PUSH in visit.access.actions(item.repository)
    return Waiting(item, is_image, kept_until, reference, may_push and not visit.is_read_only)


def _written(place: Place) -> str | None:
    """A place as it stands in an address; `None` for the first one."""
    return None if place == FIRST else f"{place.at!r}-{place.id}"


def _place_in(visit: Visit, name: str) -> Place:
    """A place among the parameters of a page; the first one if there is none.

    Raises:
        PageInvalid: it is none.
    """
    text = visit.request.parameter(name)
    if text is None:
        return FIRST
    at, _, id_ = text.rpartition("-")
    if not (id_.isascii() and id_.isdecimal() and len(id_) < _DIGITS):
        raise PageInvalid(f"{name} is no place in the trash")
    return Place(_time(at, name), int(id_))


def time_in(visit: Visit, name: str) -> float:
    """A time among the parameters of a page; the end of all times if there is none.

    Raises:
        PageInvalid: it is none.
    """
    text = visit.request.parameter(name)
    return math.inf if text is None else _time(text, name)


def _time(text: str, name: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise PageInvalid(f"{name} is no time") from error
    if not math.isfinite(value):
        raise PageInvalid(f"{name} is no time")
    return value


async def restore(visit: Visit, form: Form) -> Response:
    """Bring a deleted image back, or a tag, if it led to what the page said."""
    repository = RepositoryName(form.get("repository"))
    reference = parse_reference(form.get("reference"))
    await _restore(visit, visit.access.grant(repository), reference, said=form.get("digest"))
    # Where the others are that went by the same mistake.
    return see_other(visit, "/-/trash", done="restored")


async def history(visit: Visit) -> Response:
    """Where a tag has led, and the way back."""
    tag = Tag(visit.argument)
    moves = await trash.history(visit.registry, visit.grant, tag, limit=MOST_MOVES)
    back: Sequence[Digest | None] = [None] * len(moves)
    if visit.may_change(Action.PUSH):
        back = await trash.moves_back(visit.registry, visit.grant, moves)
    return page(
        visit,
        "history.html",
        tag=tag,
        # Each with what the tag can be brought back to; `None` if it cannot, or is there.
        steps=list(zip(moves, back, strict=True)),
        now=moves[0].digest if moves else None,
        is_all=len(moves) < MOST_MOVES,
        may_push=visit.may_change(Action.PUSH),
    )


async def move(visit: Visit, form: Form) -> Response:
    """Bring a tag back to where it led after a move, if it still leads to what the page said."""
    tag = Tag(visit.argument)
    at = _time(form.get("at"), "the time of the move")
    await _restore(visit, visit.grant, tag, said=form.get("now"), at=at)
    return see_other(visit, f"/r/{visit.repository}/-/tags/{tag}/history", done="tag-moved")


async def _restore(
    visit: Visit, grant: Grant, reference: Reference, *, said: str, at: float | None = None
) -> None:
    """Restore something, if what a page said of it is so.

    Args:
        said: the digest that the tag led to; empty if to none.
    """
    try:
        await trash.restore(
            visit.registry,
            grant,
            reference,
            at=at,
            expected=frozenset({said} if said else ()),
            change=visit.change(),
        )
    except NotAsExpected as error:
        raise NotAsExpected("the tag has moved since the page was made") from error

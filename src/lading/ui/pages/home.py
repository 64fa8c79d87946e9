"""Home: which repositories there are, and how to push the first one."""

import re

from lading.core.access import Action
from lading.core.errors import PageInvalid
from lading.edge.response import Response, json_response
from lading.metadata.shown.repository_lists import ListOrder
from lading.services.shown.browse import Browsed, Hit, browse, search, search_tags
from lading.ui.address import address_of
from lading.ui.context import Visit
from lading.ui.rendering import page

ON_A_PAGE = 100
# Found while somebody types.
HITS = 12
# Tags that are shown of those that were found.
MOST_TAGS = 30
# Signs that are looked for, at most.
_MOST_WORDS = 128
_FOLDER = re.compile(r"(?:[a-z0-9._-]+/)*", re.ASCII)


async def show(visit: Visit) -> Response:
    """The repositories that the visitor sees, in a folder or in all of them."""
    words = visit.asked("q").strip()[:_MOST_WORDS]
    folder, after, sort = visit.asked("in"), visit.asked("after"), visit.asked("sort")
    if _FOLDER.fullmatch(folder) is None:
        raise PageInvalid("there is no such folder")
    order = ListOrder(sort) if sort in set(ListOrder) else ListOrder.NAME
    found = await browse(
        visit.registry,
        visit.access,
        order=order,
        folder=folder,
        words=words.lower(),
        after=after,
        limit=ON_A_PAGE,
    )
    if not (found.items or found.after or words or folder or after):
        return _first_push(visit, found)
    # Further parts of the list are of the same search.
    is_searched = bool(words) and not after
    hits = (
        await search_tags(visit.registry, visit.access, words, folder=folder) if is_searched else ()
    )
    return page(
        visit,
        "home.html",
        found=found,
        hits=[(hit.repository, hit.tag) for hit in hits[:MOST_TAGS]],
        has_more_hits=len(hits) > MOST_TAGS,
        words=words,
        folder=folder,
        order=order.value,
        sort="" if order is ListOrder.NAME else order.value,
        after=after,
    )


async def found_as_typed(visit: Visit) -> Response:
    """The hits for some words, for a script."""
    words = visit.asked("q").strip()[:_MOST_WORDS]
    hits = await search(visit.registry, visit.access, words, limit=HITS) if words else ()
    found = [
        {"label": label, "href": visit.path(path)} for label, path in map(_label_and_path, hits)
    ]
    return json_response({"found": found}, headers={"Cache-Control": "no-store"})


def _label_and_path(hit: Hit) -> tuple[str, str]:
    if hit.tag is None:
        return hit.repository, f"/r/{hit.repository}"
    return f"{hit.repository}:{hit.tag}", f"/r/{hit.repository}/-/tags/{hit.tag}"


def _first_push(visit: Visit, found: Browsed) -> Response:
    """How to push the first image, with a name that the visitor may push to."""
    access = visit.access
    names = ["hello", *(f"{folder}/hello" for folder in found.folders)]
    pushable = [name for name in names if Action.PUSH in access.actions(name)]
    return page(
        visit,
        "first-push.html",
        address=address_of(visit),
        name=next(iter(pushable), "hello"),
        may_push=any(Action.PUSH in right.actions for right in access.rights),
        needs_login=not visit.parts.is_open,
    )

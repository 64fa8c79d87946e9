"""Events: who has set, moved, deleted and pulled what."""

from lading.edge.response import Response
from lading.services.shown import events
from lading.ui.context import Visit
from lading.ui.pages.trash import time_in
from lading.ui.rendering import page

ON_A_PAGE = 50
_LAST_NUMBER = 2.0**62
# Fewer than those of the greatest number that a database takes.
_DIGITS = 19
KINDS = {"tags": "Tags", "deletions": "Deleted images", "pulls": "Last pulls"}
# With names and addresses of whoever tried: for those who run the registry.
ADMIN_KINDS = {"refusals": "Refused, signed in"}


async def show(visit: Visit) -> Response:
    """Events of one kind."""
    kind = visit.asked("kind")
    kinds = KINDS | (ADMIN_KINDS if visit.is_admin else {})
    if kind not in kinds:
        kind = "tags"
    before, number = time_in(visit, "before"), _number_in(visit)
    first = max(0.0, min(before, _LAST_NUMBER))
    registry, access = visit.registry, visit.access
    found: events.EventPage
    match kind:
        case "tags":
            found = await events.moves(registry, access, before=first, limit=ON_A_PAGE)
        case "refusals":
            found = await events.refusals(registry, before=first, limit=ON_A_PAGE)
        case _:
            look = events.deletions if kind == "deletions" else events.pulls
            found = await look(registry, access, before=before, number=number, limit=ON_A_PAGE)
    next_page = None
    if found.before is not None:
        next_page = visit.path(
            "/-/events", kind=kind, before=found.before, number=found.number or None
        )
    return page(
        visit,
        "events.html",
        kind=kind,
        current=kinds[kind],
        tabs=[(label, visit.path("/-/events", kind=name)) for name, label in kinds.items()],
        events=found.events,
        next_page=next_page,
        first_page=visit.path("/-/events", kind=kind) if before < _LAST_NUMBER else None,
    )


def _number_in(visit: Visit) -> int:
    """The number behind a time among the parameters of a page; 0 if there is none."""
    text = visit.asked("number")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < _DIGITS else 0

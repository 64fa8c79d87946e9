"""Events: who has set, moved, deleted and pulled what, in the repositories that the caller sees.

Of a registry of which somebody sees a little, a page looks at so many rows and no more: it may have
few events, and say where the next ones begin.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from lading.core.access import Access, Action
from lading.core.figures import LastPull
from lading.core.history import NotedRefusal
from lading.metadata.shown.events import DeletedManifest, MovedTag
from lading.metadata.shown.pulls import NotedPull
from lading.services.registry import Registry

# Rows that are looked at for a page.
MOST_LOOKED_AT = 500
# Pulls of one time of which some are left out: anybody may ask for any number of them.
MOST_SKIPPED = 10_000

Event = MovedTag | DeletedManifest | NotedPull | NotedRefusal
E = TypeVar("E", MovedTag, DeletedManifest, NotedPull)


@dataclass(frozen=True, slots=True)
class EventPage:
    """A page of events, the latest first.

    Attributes:
        before: what the next ones are before; `None` if there are no more.
        number: at that time, what numbers of the next ones are less than; of pulls, which have
            none, how many of that time came already.
    """

    events: Sequence[Event]
    before: float | None
    number: int = 0


async def moves(registry: Registry, access: Access, *, before: float, limit: int) -> EventPage:
    """Moves of tags before one: pushes that have set or moved one, restorations, and deletions."""
    most = _most(access, limit)
    found = await registry.metadata.events.moves(before=int(before), limit=most)
    return _page(access, found, most, limit, lambda moved: (moved.number, 0))


async def deletions(
    registry: Registry, access: Access, *, before: float, number: int = 0, limit: int
) -> EventPage:
    """Deletions of what is in the trash, before a time, and those at it of lesser numbers."""
    most = _most(access, limit)
    rows = registry.metadata.events
    found = await rows.deletions(before=before, before_number=number, limit=most)
    return _page(access, found, most, limit, lambda deleted: (deleted.at, deleted.number))


async def pulls(
    registry: Registry, access: Access, *, before: float, number: int = 0, limit: int
) -> EventPage:
    """The last pull of each tag and manifest; by whom, those are told who may push there.

    Their key would name a tag to who may not see it; so they go on by how many came already.

    Args:
        before: a time, before which or at which these were.
        number: of those at that time, how many are left out.
    """
    most, skipped = _most(access, limit), min(number, MOST_SKIPPED)
    rows = registry.metadata.pulls
    found = await rows.page(until=before, skipped=skipped, limit=most)
    shown = [_as_seen(access, noted) for noted in found]

    def place(last: NotedPull) -> tuple[float, int]:
        until = shown[: shown.index(last) + 1]
        count = sum(noted.pull.at == last.pull.at for noted in until)
        return last.pull.at, count + (skipped if last.pull.at == before else 0)

    return _page(access, shown, most, limit, place)


async def refusals(registry: Registry, *, before: float, limit: int) -> EventPage:
    """Refused requests and sign-ins before one: of names and addresses, so for an admin alone."""
    found = await registry.metadata.refusals.page(before=int(before), limit=limit)
    last = found[-1][0] if len(found) == limit else None
    return EventPage([refusal for _, refusal in found], last)


def _as_seen(access: Access, noted: NotedPull) -> NotedPull:
    if Action.PUSH in access.actions(noted.repository):
        return noted
    return NotedPull(noted.repository, noted.reference, LastPull(noted.pull.at, ""))


def _most(access: Access, limit: int) -> int:
    """How many rows to look at for a page."""
    return limit if access.sees_all("") else MOST_LOOKED_AT


def _page(
    access: Access,
    found: Sequence[E],
    most: int,
    limit: int,
    place: Callable[[E], tuple[float, int]],
) -> EventPage:
    """The page of those events that the caller sees, of at most so many that were looked at."""
    seen = [event for event in found if access.sees(event.repository)]
    if len(seen) > limit:
        return EventPage(seen[:limit], *place(seen[limit - 1]))
    if len(found) == most:
        return EventPage(seen, *place(found[-1]))
    return EventPage(seen, None)

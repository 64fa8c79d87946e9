"""Notes of refusals, from answers that have left: what was refused to whom, and who signed in."""

from http import HTTPStatus

from lading.core.history import NotedRefusal
from lading.core.typing import override
from lading.edge.audit import REFUSALS, claimed_by, clipped, has_login
from lading.edge.endpoints import Match
from lading.edge.observers import Answered, Observer
from lading.services.refusals import RefusalNotes

# What is noted though it was not refused.
SIGN_IN = "session.begin"


class RefusalObserver(Observer):
    """An observer of refusals and of sign-ins, which notes them in memory.

    Clients ask without a login before they log in, and so are refused each time; that is no news.
    """

    def __init__(self, notes: RefusalNotes) -> None:
        self._notes = notes

    @override
    def note(self, answered: Answered) -> None:
        request, match, endpoint = answered.request, answered.found, answered.endpoint
        is_refused = answered.status in REFUSALS
        if not is_refused and (endpoint is None or endpoint.audited.name != SIGN_IN):
            return
        if not isinstance(match, Match) or request.method in {"OPTIONS", "HEAD"}:
            return
        what = "unsupported" if endpoint is None else endpoint.audited.name_of(request)
        if what == SIGN_IN and request.method != "POST":
            return
        if answered.status == HTTPStatus.UNAUTHORIZED and not has_login(request):
            return
        self._notes.note(
            NotedRefusal(
                answered.at,
                what,
                clipped(request.caller),
                claimed_by(request),
                clipped(match.name or ""),
                clipped(match.argument),
                clipped(request.address),
                answered.status,
                1,
            )
        )

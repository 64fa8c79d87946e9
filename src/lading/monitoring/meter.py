"""The meter: counts each request, by what its path leads to, its method and its answer.

Nothing that a client chooses becomes a name: paths that lead nowhere, and methods that nobody has
heard of, are counted together.
"""

from typing import Any

from lading.core.typing import override
from lading.edge.endpoints import Match, Moved
from lading.edge.observers import Answered, Follower
from lading.edge.request import Request
from lading.monitoring.memory import HANDLERS, METHODS, WorkerFigures
from lading.ports.measures import Count

_HANDLERS = {name: place for place, name in enumerate(HANDLERS)}
_NONE, _PAGE = _HANDLERS["none"], _HANDLERS["ui"]
_METHODS = {name.upper(): place for place, name in enumerate(METHODS)}
_UNKNOWN = METHODS.index("unknown")


class Meter(Follower):
    """Counts requests, how long they take, and the bytes of their bodies."""

    def __init__(self, figures: WorkerFigures) -> None:
        self._figures = figures

    @override
    def begin(self, request: Request, found: Match[Any] | Moved | None) -> None:
        self._figures.begin_request(_handler(found))

    @override
    def note(self, answered: Answered) -> None:
        request, status = answered.request, answered.status
        self._figures.end_request(
            _handler(answered.found),
            _METHODS.get(request.method, _UNKNOWN),
            status,
            answered.seconds,
            answered.received,
            answered.size,
        )
        # Of passwords alone: a token that is good for less is how clients come to ask for another.
        if request.claimed and not request.caller:
            if status == 401:
                self._figures.count(Count.LOGINS_FAILED)
            elif status == 429:
                self._figures.count(Count.LOGINS_REFUSED)


def _handler(found: Match[Any] | Moved | None) -> int:
    # What is none of the protocol's is a page.
    return _HANDLERS.get(found.route.name, _PAGE) if isinstance(found, Match) else _NONE

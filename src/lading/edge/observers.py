"""Observers of requests: the access log, the audit log and whoever else wants to know.

They are told of each answer once, in one value, after it has left.
"""

from typing import Any, Protocol, runtime_checkable

from msgspec import Struct

from lading.edge.endpoints import Endpoint, Match, Moved
from lading.edge.request import Request


class Answered(Struct, frozen=True):  # made for each: a third of a named tuple's work
    """An answer that has left, and the request that it was for.

    Attributes:
        request: that was answered; it knows its id, its address and its caller.
        found: what its path leads to.
        endpoint: that answered; `None` if the path leads to none, or has no such method.
        status: 499 if the client did not wait for one.
        size: bytes of the body that were handed to the server.
        received: bytes of the request's body that were asked for.
        digest: of what was pushed or pulled; empty if the answer named none.
        at: when it had left, in seconds since the epoch.
        seconds: since the request had arrived.
    """

    request: Request
    found: Match[Any] | Moved | None
    endpoint: Endpoint[Any] | None
    status: int
    size: int
    received: int
    digest: str
    at: float
    seconds: float


@runtime_checkable
class Observer(Protocol):
    """An observer: is told of every answer."""

    def note(self, answered: Answered) -> None:
        """Take note of an answer, at once: this is done for each of them."""


@runtime_checkable
class Follower(Observer, Protocol):
    """An observer who is told, too, when a request begins to be answered."""

    def begin(self, request: Request, found: Match[Any] | Moved | None) -> None:
        """Take note of a request; its id and its address are known.

        Args:
            found: what its path leads to.
        """


@runtime_checkable
class Recorder(Protocol):
    """A recorder: puts answers on record, and may take a moment for it."""

    async def put_on_record(self, answered: Answered) -> None:
        """Put an answer on record, if it is worth it; until then, its connection waits."""

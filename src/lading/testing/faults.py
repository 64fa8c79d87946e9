"""Faults of a registry for tests: requests that fail as often as the test says, then no more."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from lading.api.routes import ROUTES
from lading.edge.asgi import Application, Message, Receive, Scope, Send
from lading.edge.body import ClientDisconnected
from lading.edge.endpoints import Match, find_route
from lading.edge.observers import Answered
from lading.edge.request import Request
from lading.edge.response import encode_json
from lading.testing.events import EventList

_UPLOADS = frozenset({"blob_upload", "blob_upload_chunk"})
# What a fault can be on, and the routes that are meant.
KINDS: Mapping[str, frozenset[str]] = {
    "": frozenset(route.name for route in ROUTES),
    "blob": frozenset({"blob", *_UPLOADS}),
    "upload": _UPLOADS,
    **{
        kind: frozenset({kind})
        for kind in ("manifest", "tags", "referrers", "catalog", "base", "token")
    },
}
# Codes of the specification for what a fault stands for.
_CODES = {401: "UNAUTHORIZED", 403: "DENIED", 404: "NAME_UNKNOWN", 429: "TOOMANYREQUESTS"}


@dataclass(slots=True)
class PlannedFailure:
    """A planned failure, which some requests meet; `PractiseRegistry.fail` says how it is told.

    Attributes:
        left: how many requests still meet it.
        routes: their names; others do not meet it.
    """

    left: int
    status: int | None
    routes: frozenset[str]
    method: str
    repository: str
    retry_after: int | None
    after: int

    def meets(self, request: Request, found: object) -> bool:
        """Whether a request meets it."""
        return (
            self.left > 0
            and isinstance(found, Match)
            and found.route.name in self.routes
            and self.method in {"", request.method}
            and self.repository in {"", found.name}
        )


class FaultyApplication:
    """An application whose requests fail as they are told to; all others are passed on.

    Args:
        seen: is told of what failed.

    Attributes:
        application: answers what does not fail; it may be replaced at any time.
        faults: the first one that a request meets counts.
    """

    def __init__(self, application: Application, seen: EventList) -> None:
        self.application = application
        self.faults: list[PlannedFailure] = []
        self._seen = seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or fail to."""
        if not self.faults:
            await self.application(scope, receive, send)
            return
        request = Request(scope, receive)
        found = find_route(ROUTES, request.path, "")
        fault = next((fault for fault in self.faults if fault.meets(request, found)), None)
        if fault is None:
            await self.application(scope, receive, send)
            return
        fault.left -= 1
        if fault.status is None:
            await self.application(scope, receive, partial(_send_some, _Cut(fault.after), send))
            return
        assert isinstance(found, Match)
        await _fail(send, fault.status, fault.retry_after, head=request.method == "HEAD")
        endpoint = found.route.endpoints.get(request.method)
        answered = Answered(request, found, endpoint, fault.status, 0, 0, "", at=0.0, seconds=0.0)
        self._seen.note(answered)


@dataclass(slots=True)
class _Cut:
    """How many bytes of a body still get through."""

    left: int


async def _send_some(cut: _Cut, send: Send, message: Message) -> None:
    """Pass on what may get through; then `ClientDisconnected`, by which a server hangs up."""
    if message["type"] == "http.response.body":
        body = message["body"]
        whole = len(body) <= cut.left and message.get("more_body", False)
        await send({**message, "body": bytes(body[: cut.left]), "more_body": True})
        cut.left -= min(cut.left, len(body))
        if not whole:
            raise ClientDisconnected
    else:
        await send(message)


async def _fail(send: Send, status: int, retry_after: int | None, *, head: bool) -> None:
    code = _CODES.get(status, "UNKNOWN" if status < 500 else "UNAVAILABLE")
    error = {"code": code, "message": "the test asked for this failure", "detail": {}}
    body = encode_json({"errors": [error]})
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if retry_after is not None:
        headers.append((b"retry-after", b"%d" % retry_after))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else body})

"""The ASGI application of a way in: find the endpoint, admit, handle, send, tell the observers.

A way in is a table of endpoints, a context for their handlers, and answers to what goes wrong.
"""

import errno
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, Protocol
from urllib.parse import quote

from lading.core.digest import Digest
from lading.core.errors import ReadOnly, RegistryError, Unavailable, Unsupported
from lading.core.names import RepositoryName
from lading.edge.asgi import Message, Receive, Scope, Send
from lading.edge.authentication import Doorkeeper, admit_anybody
from lading.edge.body import ClientDisconnected
from lading.edge.callers import Admission
from lading.edge.endpoints import C, Endpoint, Match, Moved, Route, find_route
from lading.edge.forwarded import client_address, forwarded_id, is_trusted, new_ids
from lading.edge.observers import Answered, Follower, Observer, Recorder
from lading.edge.options import EdgeOptions
from lading.edge.redirects import redirected
from lading.edge.request import Request, leaves_range
from lading.edge.response import BlobBody, PartsBody, Response
from lading.edge.send import Sender
from lading.ports.object_sources import LostObject
from lading.services import damage
from lading.services.registry import Registry
from lading.system.disk_errors import advised

log = logging.getLogger(__name__)

# What passes when others need less.
_SHORT = frozenset({errno.ENOMEM, errno.EMFILE, errno.ENFILE})
# Conditions that were met here, and that nginx looks at once more before it knows the entity tag:
# no file has one, and the time of each tells nothing.
_OF_FILES = ("if-match", "if-unmodified-since")


class WayIn(Protocol[C]):
    """A way in over HTTP."""

    routes: Sequence[Route[C]]

    def context(self, request: Request, admission: Admission, match: Match[C]) -> C:
        """What the handler of a request is given that may proceed.

        Args:
            admission: what its caller may do.
            match: the parts of its path, not yet checked.
        """

    async def error(self, request: Request, error: Exception) -> Response:
        """The answer to a request with which something went wrong."""

    async def not_found(self, request: Request) -> Response:
        """The answer to a request whose path leads nowhere."""


class Application(Generic[C]):
    """Runs the endpoints of a way in.

    Args:
        authentication: of callers; `None` if everybody may do everything.
        observers: are told of every answer, one after the other; who puts it on record, last.
        require_health: raises `Unavailable` while no request is to be answered.
    """

    def __init__(
        self,
        way_in: WayIn[C],
        registry: Registry,
        options: EdgeOptions,
        authentication: Doorkeeper | None = None,
        observers: Sequence[Observer | Recorder] = (),
        require_health: Callable[[], None] | None = None,
    ) -> None:
        self._way_in = way_in
        self._registry = registry
        self._options = options
        self._authentication = authentication
        self._observers = [one for one in observers if isinstance(one, Observer)]
        self._recorders = [one for one in observers if isinstance(one, Recorder)]
        self._require_health = require_health
        self._followers = [one for one in observers if isinstance(one, Follower)]
        self._limits = options.limits
        self._sender = Sender(options.headers, options.bodies)
        self._new_id = new_ids()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        proxies = self._options.trusted_proxies
        request.address = client_address(request.peer, request.headers, proxies)
        request.id = (proxies and forwarded_id(request, proxies)) or next(self._new_id)
        found = find_route(self._way_in.routes, request.path, self._options.prefix)
        endpoint = found.route.endpoints.get(request.method) if isinstance(found, Match) else None
        for follower in self._followers:
            follower.begin(request, found)
        outcome = _Outcome(send, request.id)
        try:
            response = await self._respond(request, found, endpoint)
            await self._send(request, outcome, response)
        except ClientDisconnected:
            outcome.status = 499  # nginx's status for a client that left
        except Exception as error:
            if outcome.started:
                raise
            await self._send(
                request, outcome, await self._way_in.error(request, _for_clients(error))
            )
        finally:
            now, seconds = self._registry.clock(), time.monotonic() - request.arrived
            answered = Answered(
                request,
                found,
                endpoint,
                outcome.status,
                outcome.size,
                request.received,
                outcome.digest,
                now,
                seconds,
            )
            for observer in self._observers:
                observer.note(answered)
            for recorder in self._recorders:
                await recorder.put_on_record(answered)

    async def _respond(
        self, request: Request, found: Match[C] | Moved | None, endpoint: Endpoint[C] | None
    ) -> Response:
        try:
            if self._require_health is not None:
                self._require_health()
            self._limits.count_request(request.address)
            if request.method == "OPTIONS":
                # Of anything: a browser that asks before it asks shows no other answer to its page.
                allowed = self._allowed(found) if isinstance(found, Match) else "OPTIONS"
                return Response(204, {"Allow": allowed})
            if isinstance(found, Match):
                return await self._handle(request, found, endpoint)
            return (
                await self._way_in.not_found(request)
                if found is None
                else self._moved(request, found.place)
            )
        except RegistryError as error:
            response = await self._way_in.error(request, error)
            if response.status == 405 and isinstance(found, Match):
                # "a 405 … MUST generate an Allow header field" (RFC 9110, 15.5.6)
                allowed = self._allowed(found, request.method, isinstance(error, ReadOnly))
                response.headers = {**response.headers, "Allow": allowed}
            return response

    def _allowed(self, match: Match[C], refused: str = "", read_only: bool = False) -> str:
        """The value of `Allow` of a path, of which a method is refused at this time."""
        return match.route.allowed(
            read_only=read_only or self._options.read_only,
            deletes=self._registry.policy.delete_enabled,
            refused=refused,
        )

    def _moved(self, request: Request, place: str) -> Response:
        """The answer to a path with a slash too many, before anything is known of who calls.

        What is not read gets 308: "the user agent MUST NOT change the request method" (RFC 9110,
        15.4.9).
        """
        query = request.scope["query_string"].decode("latin-1")
        path = self._options.address.path_of(request, quote(place, safe="/:@+=~"))
        location = f"{path}?{query}" if query else path
        status = 301 if request.method in {"GET", "HEAD"} else 308
        return Response(status, {"Location": location})

    async def _handle(
        self, request: Request, match: Match[C], endpoint: Endpoint[C] | None
    ) -> Response:
        """Let a request in, if it may, and have it answered.

        Raises:
            Unsupported: the path has no such method.
            NameInvalid: the path holds no repository name where one belongs.
            ReadOnly: the endpoint writes, and the registry is read-only.
            Unauthorized, Denied: see `Authentication.admit`.
        """
        if endpoint is None:
            raise Unsupported(f"the method is not allowed here; allowed are {self._allowed(match)}")
        repository = None if match.name is None else RepositoryName(match.name)
        admission = (
            admit_anybody(repository)
            if self._authentication is None
            else await self._authentication.admit(request, endpoint.needs, repository)
        )
        if endpoint.writes and await self._is_read_only():
            raise ReadOnly
        context = self._way_in.context(request, admission, match)
        if not endpoint.takes_bytes:
            return await endpoint.handler(context)
        with self._limits.count_upload(request.address, request.caller):
            return await endpoint.handler(context)

    async def _is_read_only(self) -> bool:
        """Whether nothing is written; asked for each request, so a switch works everywhere."""
        if self._options.read_only:
            return True
        return await self._registry.metadata.read_only.find() is not None

    async def _send(self, request: Request, outcome: "_Outcome", response: Response) -> None:
        outcome.digest = response.digest
        if self._options.redirects.seconds:
            response = await redirected(self._options.redirects, request, response)
        try:
            await self._sender.send(
                request.scope,
                outcome.send,
                response,
                head=request.method == "HEAD",
                accelerate=self._options.accelerate and self._accelerate(request, response),
            )
        except OSError as error:
            if not isinstance(response.body, BlobBody | PartsBody):
                raise
            # The file or the object has changed since it was found.
            damaged = await damage.look_again(
                self._registry, Digest(outcome.digest), hashed=isinstance(error, LostObject)
            )
            if outcome.started:
                raise
            raise damaged from error

    def _accelerate(self, request: Request, response: Response) -> str:
        """Where the proxy that sent the request finds blobs, if it is ours and says it can.

        It obeys `Range` by itself (see `leaves_range`).
        """
        if (
            leaves_range(request.headers, response.status)
            and not any(name in request.headers for name in _OF_FILES)
            and request.headers.get("x-sendfile-type", "").lower() == "x-accel-redirect"
            and is_trusted(request.peer, self._options.trusted_proxies)
        ):
            return self._options.accelerate
        return ""


def _for_clients(error: Exception) -> Exception:
    """What a client is told of an error: that memory is short passes, as a full disk does."""
    if isinstance(error, OSError) and error.errno in _SHORT:
        log.error("a request is refused: %s", advised(error))
        return Unavailable("the registry is short of memory or open files; try again")
    if isinstance(error, MemoryError):
        log.error("memory is short, or threads are: give the registry more, or fewer workers")
        return Unavailable("the registry is short of memory; try again")
    return error


class _Outcome:
    """Passes an answer on to the server, with the request's id, and remembers what it was."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._id = request_id
        self.status = 0
        self.size = 0
        self.digest = ""

    @property
    def started(self) -> bool:
        return self.status != 0

    def send(self, message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"].append((b"x-request-id", self._id.encode()))
        else:  # its bytes, or how many the server takes out of a file or a pipe
            self.size += len(message["body"]) if "body" in message else message["count"]
        return self._send(message)

"""The ASGI application: route, admit, handle, send; and an error for whatever goes wrong."""

import time
from http import HTTPStatus
from urllib.parse import quote

from lading.api.audit import Answered, AuditLog
from lading.api.context import Context, Options
from lading.api.errors import (
    error_response,
    failure_response,
    method_not_allowed_response,
    not_found_response,
)
from lading.api.routes import Endpoint, Match, Moved, find_route
from lading.core.digest import Digest
from lading.core.errors import BlobInUse, ReadOnly, RegistryError, TooManyRequests, Unsupported
from lading.core.names import RepositoryName
from lading.edge.accesslog import AccessLog
from lading.edge.asgi import Message, Receive, Scope, Send
from lading.edge.authentication import Authentication, admit_anybody
from lading.edge.body import ClientDisconnected
from lading.edge.forwarded import client_address, is_trusted
from lading.edge.limits import ClientLimits
from lading.edge.multipart import PartsBody
from lading.edge.request import Request
from lading.edge.response import BlobBody, Response
from lading.edge.send import Sender
from lading.edge.unnamed_proxies import UnnamedProxies
from lading.services import damage
from lading.services.registry import Registry

# Requests that bring bytes of blobs.
_UPLOADS = frozenset({"end-4", "end-5", "end-6"})
# With these, a client that came by a proxy which is not believed may have been wronged.
_SENT_AWAY = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS})


class Api:
    """The registry protocol."""

    def __init__(
        self,
        registry: Registry,
        options: Options,
        authentication: Authentication | None = None,
        audit: AuditLog | None = None,
        proxies: UnnamedProxies | None = None,
    ) -> None:
        self._registry = registry
        self._options = options
        self._authentication = authentication
        self._limits = ClientLimits(
            time.monotonic,
            rate=options.request_rate,
            burst=options.request_burst,
            uploads=options.uploads,
        )
        self._audit = audit
        self._proxies = proxies
        self._tokens = None if authentication is None else authentication.tokens
        self._access_log = AccessLog() if options.access_log else None
        self._sender = Sender(options.headers, options.spool)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        request.address = client_address(
            request.peer, request.headers, self._options.trusted_proxies
        )
        found = find_route(request.path, self._options.prefix)
        outcome = _Outcome(send)
        try:
            response = await self._respond(request, found)
            if self._proxies is not None and response.status in _SENT_AWAY:
                self._proxies.notice(request)
            await self._send(request, outcome, response)
        except ClientDisconnected:
            outcome.status = 499  # nginx's status for a client that left
        except Exception as error:
            if outcome.started:
                raise
            await self._send(request, outcome, failure_response(error))
        finally:
            await self._log(request, found, outcome)

    def close(self) -> None:
        """Write what is to be logged."""
        if self._access_log is not None:
            self._access_log.flush()

    async def _respond(self, request: Request, found: Match | Moved | None) -> Response:
        try:
            self._limits.count_request(request.address)
        except TooManyRequests as error:
            return error_response(error)
        if request.method == "OPTIONS":
            # Of anything: a browser that asks before it asks shows no other answer to its page.
            allowed = found.route.allowed if isinstance(found, Match) else "OPTIONS"
            return Response(204, {"Allow": allowed})
        if found is None:
            return not_found_response(self._options.prefix)
        if isinstance(found, Moved):
            return self._moved(request, found.place)
        endpoint = found.route.endpoints.get(request.method)
        if endpoint is None:
            return method_not_allowed_response(found.route.allowed)
        return await self._answer(request, found, endpoint)

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

    async def _answer(self, request: Request, match: Match, endpoint: Endpoint) -> Response:
        try:
            return await self._handle(request, match, endpoint)
        except (Unsupported, BlobInUse) as error:
            # "a 405 … MUST generate an Allow header field" (RFC 9110, 15.5.6)
            return error_response(
                error, {"Allow": match.route.allowed_after(error, request.method)}
            )
        except RegistryError as error:
            return error_response(error)

    async def _handle(self, request: Request, match: Match, endpoint: Endpoint) -> Response:
        context = await self._admit(request, match, endpoint)
        if endpoint.id not in _UPLOADS:
            return await endpoint.handler(context)
        with self._limits.count_upload(request.address, request.caller):
            return await endpoint.handler(context)

    async def _admit(self, request: Request, match: Match, endpoint: Endpoint) -> Context:
        """Let a request in, if it may.

        Raises:
            NameInvalid: the path holds no repository name where one belongs.
            ReadOnly: the endpoint writes, and the registry is read-only.
            Unauthorized, Denied: see `Authentication.admit`.
        """
        repository = None if match.name is None else RepositoryName(match.name)
        authentication = self._authentication
        access, grant = (
            admit_anybody(repository)
            if authentication is None
            else await authentication.admit(request, endpoint.needs, repository)
        )
        if endpoint.writes and await self._is_read_only():
            raise ReadOnly
        return Context(
            request,
            self._registry,
            self._options,
            access,
            grant,
            match.argument,
            self._tokens,
        )

    async def _is_read_only(self) -> bool:
        """Asked for each request that writes, so that a switch works in all workers at once."""
        if self._options.read_only:
            return True
        return await self._registry.metadata.find_read_only() is not None

    async def _send(self, request: Request, outcome: "_Outcome", response: Response) -> None:
        outcome.digest = response.headers.get("Docker-Content-Digest", "")
        try:
            await self._sender.send(
                request.scope,
                outcome,
                response,
                head=request.method == "HEAD",
                accelerate=self._accelerate(request, response),
            )
        except OSError as error:
            if not isinstance(response.body, BlobBody | PartsBody):
                raise
            # The file has changed since it was found.
            damaged = await damage.look_again(self._registry, Digest(outcome.digest))
            if outcome.started:
                raise
            raise damaged from error

    def _accelerate(self, request: Request, response: Response) -> str:
        """Where the proxy that sent the request finds blobs, if it is ours and says it can.

        It obeys `Range` by itself, so what is not obeyed here is not left to it, and no more than
        one range, which it would not bound.
        """
        if (
            self._options.accelerate
            and (response.status == 206 or "range" not in request.headers)
            and request.headers.get("x-sendfile-type", "").lower() == "x-accel-redirect"
            and is_trusted(request.peer, self._options.trusted_proxies)
        ):
            return self._options.accelerate
        return ""

    async def _log(
        self, request: Request, found: Match | Moved | None, outcome: "_Outcome"
    ) -> None:
        now = self._registry.clock()
        if self._access_log is not None:
            self._access_log.add(request, status=outcome.status, size=outcome.size, now=now)
        if self._audit is not None and isinstance(found, Match):
            answered = Answered(outcome.status, outcome.digest, now)
            await self._audit.note(request, found, answered)


class _Outcome:
    """Passes messages on to the server, and remembers what was answered."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        self.size = 0
        self.digest = ""

    @property
    def started(self) -> bool:
        return self.status != 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["type"] == "http.response.zerocopysend":
            self.size += message["count"]
        else:
            self.size += len(message["body"])
        await self._send(message)

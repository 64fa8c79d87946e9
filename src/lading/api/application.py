"""The registry protocol as a way in: its table, its context, its answers to what goes wrong."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lading.api.context import Context, Options
from lading.api.errors import error_response, not_found_response
from lading.api.routes import ROUTES, TOKEN_ROUTE
from lading.core.typing import override
from lading.edge.application import Application, WayIn
from lading.edge.authentication import Authentication
from lading.edge.callers import Admission
from lading.edge.endpoints import Match, Route
from lading.edge.observers import Observer, Recorder
from lading.edge.request import Request
from lading.edge.response import Response
from lading.services.registry import Registry

if TYPE_CHECKING:  # it loads what only some registries need
    from lading.auth.tokens import TokenService

ALWAYS: Mapping[str, str] = {
    # "registry/2.0" tells Docker from 2014 on that this is not a registry of the first version.
    "Docker-Distribution-Api-Version": "registry/2.0",
    "X-Content-Type-Options": "nosniff",
    # What somebody pushed may be a page with scripts, under any media type. In a browser it is
    # nobody's: it runs nothing, loads nothing, and has no part in what this address may do.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
}
"""Headers of every response that has no other ones of these names."""


def registry_protocol(
    registry: Registry,
    options: Options,
    authentication: Authentication | None = None,
    observers: Sequence[Observer | Recorder] = (),
    require_health: Callable[[], None] | None = None,
) -> Application[Context]:
    """The application that speaks the registry protocol; see `Application`."""
    tokens = None if authentication is None else authentication.tokens
    routes = [route for route in ROUTES if tokens is not None or route.name != TOKEN_ROUTE]
    way_in = _RegistryProtocol(registry, options, tokens, routes)
    return Application(way_in, registry, options.edge, authentication, observers, require_health)


@dataclass(frozen=True, slots=True)
class _RegistryProtocol(WayIn[Context]):
    registry: Registry
    options: Options
    tokens: "TokenService | None"
    routes: Sequence[Route[Context]]

    @override
    def context(self, request: Request, admission: Admission, match: Match[Context]) -> Context:
        access, grant = admission
        registry, options, tokens = self.registry, self.options, self.tokens
        return Context(request, registry, options, access, grant, match.argument, tokens)

    @override
    async def error(self, request: Request, error: Exception) -> Response:
        return error_response(error)

    @override
    async def not_found(self, request: Request) -> Response:
        return not_found_response(self.options.edge.prefix)

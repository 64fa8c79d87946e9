"""The pages as a way in: their table, their context, their answers to what goes wrong."""

from collections.abc import Callable, Sequence
from contextlib import suppress

from lading.core.errors import RegistryError, TooManyRequests, Unauthorized
from lading.core.typing import override
from lading.edge.application import Application, WayIn
from lading.edge.authentication import Doorkeeper, admit_anybody
from lading.edge.callers import Admission
from lading.edge.endpoints import Match, Need
from lading.edge.observers import Observer, Recorder
from lading.edge.request import Request
from lading.edge.response import Response
from lading.ui.context import UiParts, Visit
from lading.ui.errors import PageUnknown, error_page_of, headers_of
from lading.ui.rendering import error_page
from lading.ui.routes import ROUTES
from lading.ui.ways import sign_in_path, ways_back


def pages(
    parts: UiParts,
    doorkeeper: Doorkeeper | None = None,
    observers: Sequence[Observer | Recorder] = (),
    require_health: Callable[[], None] | None = None,
) -> Application[Visit]:
    """The application that shows pages; see `Application`."""
    way_in = _Pages(parts, doorkeeper)
    registry, options = parts.registry, parts.options
    return Application(way_in, registry, options, doorkeeper, observers, require_health)


class _Pages(WayIn[Visit]):
    routes = ROUTES

    def __init__(self, parts: UiParts, doorkeeper: Doorkeeper | None) -> None:
        self._parts = parts
        self._doorkeeper = doorkeeper

    @override
    def context(self, request: Request, admission: Admission, match: Match[Visit]) -> Visit:
        access, grant = admission
        request.access = access
        return Visit(request, self._parts, access, grant, match.argument, match.detail)

    @override
    async def error(self, request: Request, error: Exception) -> Response:
        if isinstance(error, Unauthorized) and self._parts.logins is not None:
            # From there the visitor is brought back.
            place = sign_in_path(request, self._parts)
            return Response(303, {"Location": place, "Cache-Control": "no-store"})
        shown = error_page_of(error)
        if shown.status < 500 and not isinstance(error, TooManyRequests):
            await self._recognize(request)
        path = request.path.removeprefix(self._parts.options.prefix)
        ways, message = ways_back(request, path, shown), ""
        if isinstance(error, RegistryError) and error.message != error.summary:
            message = error.message  # it says more than its kind does
        page = error_page(request, self._parts, shown, message, ways_back=ways)
        page.headers = {**page.headers, **headers_of(error)}
        return await page.write()

    @override
    async def not_found(self, request: Request) -> Response:
        return await self.error(request, PageUnknown())

    async def _recognize(self, request: Request) -> None:
        """Find out who looks at the page of an error, which is framed as all their pages are.

        A request can be wrong before it is asked whose it is. Whoever cannot be found is nobody.
        """
        with suppress(RegistryError):
            request.read_only = await self._parts.is_read_only()
        if request.access is None:
            with suppress(RegistryError):
                admission = (
                    admit_anybody(None)
                    if self._doorkeeper is None
                    else await self._doorkeeper.admit(request, Need.NOTHING, None)
                )
                request.access = admission.access

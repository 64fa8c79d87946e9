"""The doorkeeper of pages: who looks at one is found by a session, and by nothing else.

A browser sends a password of its own accord, to whoever makes it ask; so `Authorization` is not
looked at here.
"""

from lading.core.access import ANYBODY
from lading.core.errors import Denied, Unauthorized
from lading.core.names import RepositoryName
from lading.core.permissions import CurrentPermissions
from lading.core.typing import override
from lading.edge.authentication import Doorkeeper, suffices
from lading.edge.callers import Admission, Caller
from lading.edge.endpoints import Need, Needs
from lading.edge.request import Request
from lading.ui import sessions
from lading.ui.context import UiParts
from lading.ui.cookies import SESSION, find


class PageDoorkeeper(Doorkeeper):
    """Lets visitors in who have signed in, and anybody as far as the rules do.

    Args:
        permissions: the rules in force now; they may be other ones at the next request.
    """

    def __init__(self, parts: UiParts, permissions: CurrentPermissions) -> None:
        self._parts = parts
        self._permissions = permissions
        self._anybody = Caller(ANYBODY)

    @override
    async def admit(
        self, request: Request, needs: Needs, repository: RepositoryName | None
    ) -> Admission:
        caller = await self._find(request) or self._anybody
        request.caller = caller.name
        admission = caller.admission(self._permissions.value, repository)
        request.access = admission.access  # the page of a refusal has the links of all pages
        is_known = caller is not self._anybody
        if (is_known or needs is not Need.LOGIN) and suffices(admission, needs, repository):
            return admission
        raise Denied if is_known else Unauthorized("")

    async def _find(self, request: Request) -> Caller | None:
        """Who signed in with the browser that sends a request."""
        parts = self._parts
        if parts.logins is None:
            return None
        secret = find(request, SESSION, secure=parts.is_secure(request))
        if secret is None:
            return None
        login = await sessions.find(parts.registry, parts.logins, secret)
        return None if login is None else Caller(login.principal, login=login)

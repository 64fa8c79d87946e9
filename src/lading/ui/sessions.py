"""Sessions: who signed in with a browser, by a secret in its cookie.

Of the secret, 256 random bits, the hash alone is kept. A session ends with the password that it was
begun with, as tokens do; and it is a new one with every sign-in, whatever the browser had before.

Who looks at a page is found by a session, and by nothing else. A browser sends a password of its
own accord, to whoever makes it ask; so `Authorization` is not looked at here.
"""

from lading.auth.kept_logins import KeptLogins
from lading.auth.logins import Logins
from lading.core.access import ANYBODY
from lading.core.errors import Denied, Unauthorized
from lading.core.names import RepositoryName
from lading.core.permissions import CurrentPermissions
from lading.core.secret_texts import hash_of
from lading.core.typing import override
from lading.edge.authentication import Doorkeeper, suffices
from lading.edge.callers import Admission, Caller
from lading.edge.endpoints import Need, Needs
from lading.edge.request import Request
from lading.ui import cookies
from lading.ui.context import UiParts

# Seconds that a session lasts.
LIFETIME = 7 * 24 * 3600


def sessions_of(parts: UiParts, logins: Logins) -> KeptLogins:
    """All sessions, with the logins of those who may sign in."""
    registry = parts.registry
    return KeptLogins(registry.metadata.page_sessions, logins, LIFETIME, registry.clock)


async def end(parts: UiParts, request: Request) -> None:
    """End the session of the browser that sends a request, if it has one."""
    if secret := _secret_of(parts, request):
        await parts.registry.metadata.page_sessions.end(hash_of(secret))


def _secret_of(parts: UiParts, request: Request) -> str | None:
    return cookies.find(request, cookies.SESSION, secure=parts.is_secure(request))


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
        secret = _secret_of(parts, request)
        if parts.logins is None or secret is None:
            return None
        login = await sessions_of(parts, parts.logins).find(secret)
        return None if login is None else Caller(login.principal, login=login)

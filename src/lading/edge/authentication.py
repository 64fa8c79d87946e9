"""Authentication of requests: who calls, and whether they may do this, before a body is read.

The answer depends on the name of a repository and never on whether it exists, so nobody learns that
from a refusal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from lading.core.access import ANYBODY, EVERY_ACCESS, Access, Action
from lading.core.errors import Denied, NameInvalid, RegistryError, Unauthorized
from lading.core.names import RepositoryName
from lading.core.permissions import CurrentPermissions
from lading.core.scopes import CATALOG, Scope
from lading.core.typing import override
from lading.edge.callers import Admission, Caller, Callers, admission
from lading.edge.challenge import Challenge, Fault, Password, Token, parse_authorization
from lading.edge.endpoints import Need, Needs
from lading.edge.request import Request

if TYPE_CHECKING:  # it loads what only some registries need
    from lading.auth.service import TokenService


class Doorkeeper(Protocol):
    """Whoever lets requests in by a way in, or does not."""

    async def admit(
        self, request: Request, needs: Needs, repository: RepositoryName | None
    ) -> Admission:
        """Let a request in.

        Args:
            request: its body is not touched.
            repository: what it is about, if it is about one.

        Raises:
            Unauthorized: the caller has to log in, or to get another token.
            Denied: the caller is known, and may not do this.
            Unavailable, TooManyRequests: who is calling cannot be checked now.
        """


@dataclass(frozen=True, slots=True)
class Authentication(Doorkeeper):
    """Lets requests in, or tells clients why not and how to log in.

    Attributes:
        callers: tells who is calling.
        permissions: the rules in force now; they may be other ones at the next request.
        challenge: how a client is told to log in.
        tokens: the service where clients get tokens, if that is here.
    """

    callers: Callers
    permissions: CurrentPermissions
    challenge: Challenge
    tokens: "TokenService | None" = None

    @override
    async def admit(
        self, request: Request, needs: Needs, repository: RepositoryName | None
    ) -> Admission:
        if needs is Need.NOTHING:
            return admission(Access(ANYBODY, ()), repository)
        callers = self.callers
        header = request.headers.get("authorization")
        caller = callers.anybody if header is None else await callers.find(request, header)
        if caller is not None:
            request.caller = caller.name
            found = caller.admission(self.permissions.value, repository)
            # Clients find out at the base how to log in, and do not ask anywhere else; so it wants
            # a login even where much can be done without one.
            waits = needs is Need.LOGIN and caller is callers.anybody
            if not waits and suffices(found, needs, repository):
                return found
        raise _Refusal(self, request, needs, repository).of(caller, header)


def suffices(found: Admission, needs: Needs, repository: RepositoryName | None) -> bool:
    """Whether a caller may do what an endpoint needs, unless that is a login."""
    if isinstance(needs, Need):
        return needs is not Need.CATALOG or found.access.catalog
    return repository is not None and needs <= found.grant.actions


@dataclass(slots=True)
class _Refusal:
    """The refusal of a request."""

    authentication: Authentication
    request: Request
    needs: Needs
    repository: RepositoryName | None

    def of(self, caller: Caller | None, header: str | None) -> RegistryError:
        """The error to raise.

        Args:
            caller: who may not do this; `None` if the header is nobody's.
        """
        if caller is None:
            return self._unknown(header or "")
        if caller is self.authentication.callers.anybody:
            return self._unauthorized()
        if caller.has_token:
            return self._unauthorized("the token is not good for this", Fault.INSUFFICIENT)
        # Somebody known by a password gains nothing by logging in again.
        return Denied("", *(_detail(scope) for scope in self._scopes()))

    def _unknown(self, header: str) -> Unauthorized:
        match parse_authorization(header):
            case Password():
                return self._unauthorized("the name or the password is wrong")
            case Token():
                return self._unauthorized("the token is not valid", Fault.INVALID)
            case None:
                return self._unauthorized("the Authorization header cannot be understood")

    def _scopes(self) -> Sequence[Scope]:
        """Scopes that a token must be good for. A mount asks for both repositories at once."""
        match self.needs:
            case Need.NOTHING | Need.LOGIN:
                return ()
            case Need.CATALOG:
                return (CATALOG,)
            case actions if self.repository is not None:
                source = self._source() if Action.PUSH in actions else None
                scope = Scope.of(self.repository, actions)
                return (scope,) if source is None else (scope, source)
            case _:
                return ()

    def _source(self) -> Scope | None:
        try:
            source = RepositoryName(self.request.parameter("from") or "")
        except NameInvalid:
            return None
        return Scope.of(source, frozenset({Action.PULL}))

    def _unauthorized(self, message: str = "", fault: Fault | None = None) -> Unauthorized:
        scopes = self._scopes()
        return Unauthorized(
            self.authentication.challenge.header(self.request, scopes, fault),
            message,
            *(_detail(scope) for scope in scopes),
        )


@lru_cache(maxsize=1000)
def admit_anybody(repository: RepositoryName | None) -> Admission:
    """Let a request in where everybody may do everything."""
    return admission(EVERY_ACCESS, repository)


def _detail(scope: Scope) -> dict[str, object]:
    return {"type": scope.type, "name": scope.name, "actions": scope.actions}

"""Who may do what: turns a request into an `Access`, before its body is read.

The answer depends on the name of a repository and never on whether it exists, so nobody learns that
from a refusal.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lading.api.challenge import Challenge, Fault
from lading.api.credentials import Password, Token, parse_authorization
from lading.api.limits import client_of
from lading.api.needs import Need, Needs
from lading.api.request import Request
from lading.auth.authenticator import TokenVerifier
from lading.auth.logins import Logins
from lading.auth.service import TokenService
from lading.core.access import ANYBODY, EVERY_ACCESS, Access, Action, Principal
from lading.core.errors import Denied, NameInvalid, Unauthorized
from lading.core.names import RepositoryName
from lading.core.permissions import Permissions
from lading.core.scopes import CATALOG, Scope


@dataclass(frozen=True, slots=True)
class Gate:
    """How callers are told apart, and what each may do.

    Attributes:
        tokens: what knows tokens; `None` if there are none, and passwords only.
        permissions: the rules in force now; they may be other ones at the next request.
        challenge: how a client is told to log in.
        service: where clients get tokens, if that is here.
    """

    logins: Logins
    tokens: TokenVerifier | None
    permissions: Callable[[], Permissions]
    challenge: Challenge
    service: TokenService | None = None


class Guard:
    """Decides on requests. Without a gate everybody may do everything."""

    def __init__(self, gate: Gate | None) -> None:
        self._gate = gate

    async def admit(
        self, request: Request, needs: Needs, repository: RepositoryName | None
    ) -> Access:
        """What the caller may do.

        Args:
            request: its body is not touched.
            needs: what the request needs.
            repository: what it is about, if it is about one.

        Raises:
            Unauthorized: the caller has to log in, or to get another token.
            Denied: the caller is known, and may not do this.
            Unavailable, TooManyRequests: who is calling cannot be checked now.
        """
        if self._gate is None:
            return EVERY_ACCESS
        if needs is Need.NOTHING:
            return Access(ANYBODY, ())
        return await _Decision(self._gate, request, needs, repository).make()


@dataclass(frozen=True, slots=True)
class _Decision:
    """On one request."""

    gate: Gate
    request: Request
    needs: Needs
    repository: RepositoryName | None

    async def make(self) -> Access:
        header = self.request.headers.get("authorization")
        if header is None:
            return self._of_anybody()
        match parse_authorization(header):
            case Password(name, password):
                return await self._of_password(name, password)
            case Token(text):
                return await self._of_token(text)
            case None:
                raise self._unauthorized("the Authorization header cannot be understood")

    def _of_anybody(self) -> Access:
        access = self._access(ANYBODY)
        # Clients find out at the base how to log in, and do not ask anywhere else; so it wants a
        # login even where much can be done without one.
        if self.needs is Need.LOGIN or not self._suffices(access):
            raise self._unauthorized()
        return access

    async def _of_password(self, name: str, password: str) -> Access:
        self.request.claimed = name
        login = await self.gate.logins.log_in(name, password, client_of(self.request.address))
        if login is None:
            raise self._unauthorized("the name or the password is wrong")
        self.request.caller = login.principal.name
        access = self._access(login.principal)
        if not self._suffices(access):
            raise Denied("", *(_detail(scope) for scope in self._scopes()))
        return access

    async def _of_token(self, text: str) -> Access:
        bearer = None if self.gate.tokens is None else await self.gate.tokens.verify(text)
        if bearer is None:
            raise self._unauthorized("the token is not valid", Fault.INVALID)
        self.request.caller = bearer.principal.name
        rights = self.gate.permissions().rights_of(bearer.principal)
        access = Access(bearer.principal, rights, bearer.scopes, bearer.catalog)
        if not self._suffices(access):
            raise self._unauthorized("the token is not good for this", Fault.INSUFFICIENT)
        return access

    def _access(self, principal: Principal) -> Access:
        rights = self.gate.permissions().rights_of(principal)
        return Access(principal, rights, catalog=bool(principal.name or rights))

    def _suffices(self, access: Access) -> bool:
        match self.needs:
            case Need.NOTHING | Need.LOGIN:
                return True
            case Need.CATALOG:
                return access.catalog
            case actions:
                return self.repository is not None and actions <= access.actions(self.repository)

    def _scopes(self) -> Sequence[Scope]:
        """What a token must be good for. A mount asks for both repositories at once."""
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
            self.gate.challenge.header(self.request, scopes, fault),
            message,
            *(_detail(scope) for scope in scopes),
        )


def _detail(scope: Scope) -> dict[str, object]:
    return {"type": scope.type, "name": scope.name, "actions": scope.actions}

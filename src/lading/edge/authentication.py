"""Authentication of requests: who calls, and whether they may do this, before a body is read.

The answer depends on the name of a repository and never on whether it exists, so nobody learns that
from a refusal.
"""

from collections.abc import Sequence
from contextlib import suppress
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
from lading.edge.endpoints import PULL, Need, Needs
from lading.edge.request import Request

if TYPE_CHECKING:  # it loads what only some registries need
    from lading.auth.tokens import TokenService


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
        permissions: the rules in force now; they may be other ones at the next request.
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
        raise self._refusal(request, caller, _scopes(request, needs, repository))

    def _refusal(
        self, request: Request, caller: Caller | None, scopes: Sequence[Scope]
    ) -> RegistryError:
        """The error to raise.

        Args:
            caller: who may not do this; `None` if the header is nobody's.
            scopes: that a token must be good for.
        """
        message = ""
        fault: Fault | None = None
        if caller is None:
            message, fault = _unknown(request.headers["authorization"])
        elif caller.has_token:
            message, fault = "the token is not good for this", Fault.INSUFFICIENT
        elif caller is not self.callers.anybody:
            # Somebody known by a password gains nothing by logging in again.
            return Denied("", *map(_detail, scopes))
        challenge = self.challenge.header(request, scopes, fault)
        return Unauthorized(challenge, message, *map(_detail, scopes))


def suffices(found: Admission, needs: Needs, repository: RepositoryName | None) -> bool:
    """Whether a caller may do what an endpoint needs, unless that is a login."""
    if isinstance(needs, Need):
        return needs is not Need.CATALOG or found.access.catalog
    return repository is not None and needs <= found.grant.actions


def _unknown(header: str) -> tuple[str, Fault | None]:
    """What a client is told whose `Authorization` header is nobody's."""
    match parse_authorization(header):
        case Password():
            return "the name or the password is wrong", None
        case Token():
            return "the token is not valid", Fault.INVALID
        case None:
            return "the Authorization header cannot be understood", None


def _scopes(request: Request, needs: Needs, repository: RepositoryName | None) -> Sequence[Scope]:
    """Scopes that a token must be good for. A mount asks for both repositories at once."""
    if needs is Need.CATALOG:
        return (CATALOG,)
    if isinstance(needs, Need) or repository is None:
        return ()
    scopes = [Scope.of(repository, needs)]
    if Action.PUSH in needs:
        with suppress(NameInvalid):
            source = RepositoryName(request.parameter("from") or "")
            scopes.append(Scope.of(source, PULL))
    return scopes


@lru_cache(maxsize=1000)
def admit_anybody(repository: RepositoryName | None) -> Admission:
    """Let a request in where everybody may do everything."""
    return admission(EVERY_ACCESS, repository)


def _detail(scope: Scope) -> dict[str, object]:
    return {"type": scope.type, "name": scope.name, "actions": scope.actions}

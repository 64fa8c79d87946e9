"""Callers: who sent a request, and what they may do.

A client sends the same header with every request, so who it is of is remembered.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

from lading.auth.authenticator import Login, TokenVerifier
from lading.auth.logins import Logins
from lading.auth.memory import LoginMemory
from lading.core.access import ANYBODY, Access, Grant, Principal, Rights
from lading.core.names import RepositoryName
from lading.core.permissions import Permissions
from lading.edge.challenge import Password, Token, parse_authorization
from lading.edge.limits import client_of
from lading.edge.request import Request

# Repositories for which is remembered what a caller may do there.
MAX_GRANTS = 100

# The catalog and the base belong to no repository; their handlers do not look at it.
_NO_REPOSITORY = RepositoryName("registry")


class Admission(NamedTuple):
    """What a caller may do: anywhere, and in the repository that its request is about."""

    access: Access
    grant: Grant


def admission(access: Access, repository: RepositoryName | None) -> Admission:
    """What a caller may do, with the repository that a request is about, if it is about one."""
    return Admission(access, access.grant(repository or _NO_REPOSITORY))


class Caller:
    """A caller: somebody who may be let in.

    Attributes:
        login: that has to be as it is for the caller to be one; `None` if there is none.
        has_token: whether another token could do more.
    """

    def __init__(
        self,
        principal: Principal,
        *,
        login: Login | None = None,
        has_token: bool = False,
        scopes: Rights | None = None,
        catalog: bool = True,
    ) -> None:
        self.name = principal.name
        self.login = login
        self.has_token = has_token
        self._principal = principal
        self._scopes = scopes
        self._catalog = catalog
        self._permissions: Permissions | None = None
        self._access = Access(ANYBODY, ())
        self._admissions: dict[RepositoryName | None, Admission] = {}

    def admission(self, permissions: Permissions, repository: RepositoryName | None) -> Admission:
        """What the caller may do by these rules."""
        if permissions is not self._permissions:
            self._apply(permissions)
        found = self._admissions.get(repository)
        if found is None:
            if len(self._admissions) >= MAX_GRANTS:
                self._admissions.clear()
            found = self._admissions[repository] = admission(self._access, repository)
        return found

    def _apply(self, permissions: Permissions) -> None:
        rights = permissions.rights_of(self._principal)
        may_list = self._catalog and bool(self._principal.name or rights)
        self._access = Access(self._principal, rights, self._scopes, may_list)
        self._admissions = {}
        self._permissions = permissions


class Callers:
    """Everybody who has a good password or token.

    Args:
        clock: in seconds since the epoch.
        steady: in seconds; it only goes forward.
    """

    def __init__(
        self,
        logins: Logins,
        tokens: TokenVerifier | None,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self.logins = logins
        self._tokens = tokens
        self._memory: LoginMemory[Caller] = LoginMemory(logins.recall, clock, steady)
        self.anybody = Caller(ANYBODY)

    async def find(self, request: Request, header: str) -> Caller | None:
        """Whose `Authorization` header this is; `None` if nobody's.

        Raises:
            Unavailable, TooManyRequests: that cannot be found out now.
        """
        # With the address: from any other, what is remembered could be guessed at unhindered.
        key = self._memory.key_of(request.address, header)
        return (
            self._memory.find(key, request.arrived)
            or await self._memory.recall(key)
            or await self._meet(request, header, key)
        )

    async def _meet(self, request: Request, header: str, key: bytes) -> Caller | None:
        """Somebody new, or who has changed."""
        match parse_authorization(header):
            case Password(name, password):
                request.claimed = name
                login = await self.logins.log_in(name, password, client_of(request.address))
                if login is not None:
                    return self._remember(key, Caller(login.principal, login=login), login.until)
            case Token(text) if self._tokens is not None:
                bearer = await self._tokens.verify(text)
                if bearer is not None:
                    caller = Caller(
                        bearer.principal,
                        login=bearer.login,
                        has_token=True,
                        scopes=bearer.scopes,
                        catalog=bearer.catalog,
                    )
                    return self._remember(key, caller, bearer.until)
        return None

    def _remember(self, key: bytes, caller: Caller, until: float) -> Caller:
        self._memory.remember(key, caller, caller.login, until)
        return caller

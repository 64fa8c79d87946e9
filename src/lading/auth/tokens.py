"""Tokens of the registry: issued, verified, and worth no more than the login behind them.

A token names its principal and the stamp of the login it was issued to. Both are looked up again
whenever it is used, so a removed user or a changed password ends its tokens. What a workload may do
cannot be looked up; it is in the token.

The service that issues them is that of Docker's token authentication, and of OAuth2 as far as that
has adopted it. Who asks for more than it may gets what it may: an empty token is an answer, too,
and clients then say that access is denied.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

import jwt

from lading.auth.authenticator import Login, TokenVerifier, VerifiedToken
from lading.auth.claims import (
    LEEWAY,
    MAX_SCOPES,
    OPTIONS,
    Claims,
    TokenInvalid,
    access_claim,
    check_times,
    scopes_of,
    text_of,
)
from lading.auth.kept_logins import KeptLogins
from lading.auth.keys import KeyRing
from lading.auth.logins import Logins
from lading.core.access import ANYBODY, Action, Principal, Right, Rights
from lading.core.errors import StorageFull, Unavailable
from lading.core.globs import Glob
from lading.core.permissions import CurrentPermissions
from lading.core.scopes import CATALOG, Scope, opens_catalog, rights_in
from lading.core.typing import override

ALGORITHM = "ES256"
ISSUER = "lading"
# Of the stamp of a login, what a token holds of it: enough to tell two from each other.
_STAMP = 16

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token that was issued just now, `at` seconds since the epoch, and good for its lifetime."""

    token: str
    at: int
    lifetime: int
    scopes: Sequence[Scope]


@dataclass(frozen=True, slots=True)
class RegistryTokens(TokenVerifier):
    """Tokens of the registry itself: issues them, for `lifetime` seconds, and verifies them."""

    keys: KeyRing
    logins: Logins
    service: str
    lifetime: float
    clock: Callable[[], float]
    new_uuid: Callable[[], UUID]

    async def issue(self, login: Login | None, scopes: Sequence[Scope]) -> IssuedToken:
        """Make a token.

        Args:
            login: of who gets it; `None` for anybody. What it may do is looked up when the token is
                used, unless that is borrowed: then it goes into the token.
            scopes: what it is good for.
        """
        principal = ANYBODY if login is None else login.principal
        key = await self.keys.current()
        now = int(self.clock())
        claims: dict[str, object] = {
            "iss": ISSUER,
            "sub": principal.name,
            "aud": self.service,
            "iat": now,
            "nbf": now - int(LEEWAY),
            "exp": now + int(self.lifetime),
            "jti": str(self.new_uuid()),
            "access": access_claim(scopes),
        }
        if login is not None:
            claims["stamp"] = login.stamp[:_STAMP]
            if login.borrowed:
                claims["rights"] = _written(principal.rights)
        token = jwt.encode(claims, key.private, ALGORITHM, {"kid": key.id})
        return IssuedToken(token, now, int(self.lifetime), scopes)

    @override
    async def verify(self, token: str) -> VerifiedToken | None:
        try:
            claims = await self._decode(token)
            # Its own clock wrote the end, so none is granted beyond it.
            until = check_times(claims, self.clock(), leeway=0)
            return await self._bearer(claims, until)
        except TokenInvalid as error:
            log.info("a token was refused: %s", error)
            return None

    async def _decode(self, token: str) -> Claims:
        """The claims of a token; only keys of this registry count, whatever it says of itself."""
        try:
            key_id = jwt.get_unverified_header(token).get("kid")
            key = await self.keys.find(key_id) if isinstance(key_id, str) else None
            if key is None:
                raise TokenInvalid("it is signed with a key that is not the registry's")
            claims: Claims = jwt.decode(
                token,
                key.private.public_key(),
                algorithms=[ALGORITHM],
                audience=self.service,
                issuer=ISSUER,
                options=OPTIONS,
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise TokenInvalid(
                f"it is not one of the registry's ({type(error).__name__})"
            ) from error
        return claims

    async def _bearer(self, claims: Claims, until: float) -> VerifiedToken:
        scopes = scopes_of(claims)
        name, stamp = text_of(claims, "sub"), text_of(claims, "stamp")
        principal, login = ANYBODY, None
        if name:
            login = await self.logins.recall(name)
            if login is None or login.stamp[:_STAMP] != stamp:
                raise TokenInvalid("its login is gone, or is another now")
            principal = login.principal
            if login.borrowed:
                principal = Principal(name, rights=_read(claims.get("rights")))
        return VerifiedToken(principal, rights_in(scopes), opens_catalog(scopes), until, login)


@dataclass(frozen=True, slots=True)
class TokenService:
    """Issues tokens to those who log in, as the logins behind them know them, and to anybody.

    Attributes:
        refreshed: logins that can be had again by a refresh token.
    """

    permissions: CurrentPermissions
    tokens: RegistryTokens
    refreshed: KeptLogins

    async def grant(self, login: Login | None, asked: Iterable[Scope]) -> IssuedToken:
        """A token for what was asked, as far as it is allowed; without a login, to anybody."""
        scopes = self._allowed(ANYBODY if login is None else login.principal, asked)
        return await self.tokens.issue(login, scopes)

    async def start_refreshing(self, login: Login) -> str | None:
        """A refresh token, by which the login can be had again without its password.

        `None` if it cannot be kept now: nobody is kept from pulling by that.
        """
        try:
            return await self.refreshed.keep(login)
        except (StorageFull, Unavailable) as error:
            log.warning("a login gets no refresh token, as it cannot be kept: %s", error)
            return None

    def _allowed(self, principal: Principal, asked: Iterable[Scope]) -> Sequence[Scope]:
        permissions = self.permissions.value
        allowed: dict[tuple[str, str], Scope] = {}
        for scope in asked:
            repository = scope.repository
            if repository is not None:
                before = allowed.get((scope.type, scope.name))
                actions = permissions.actions_for(principal, repository) & scope.known_actions
                if before is not None:
                    actions |= before.known_actions
                allowed[scope.type, scope.name] = Scope.of(repository, actions)
            elif (scope.type, scope.name) == (CATALOG.type, CATALOG.name) and (
                principal.name or permissions.something_for_anybody
            ):
                allowed[scope.type, scope.name] = CATALOG
            if len(allowed) == MAX_SCOPES:
                break
        return list(allowed.values())


def _written(rights: Rights | None) -> list[list[object]]:
    return [[right.pattern, sorted(right.actions)] for right in rights or ()]


def _read(rights: object) -> Rights:
    """Read rights as they were written; nobody else can sign."""
    if not isinstance(rights, list):
        return ()
    return tuple(
        Right(Glob(pattern), frozenset(Action(action) for action in actions))
        for pattern, actions in rights
    )

"""The token service: turns a login into tokens.

It is that of Docker's token authentication, and of OAuth2 as far as that has adopted it. Who asks
for more than it may gets what it may: an empty token is an answer, too, and clients then say that
access is denied. Refresh tokens are kept as hashes and end with their login's password.
"""

import logging
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from lading.auth.authenticator import Login
from lading.auth.claims import MAX_SCOPES
from lading.auth.tokens import IssuedToken, RegistryTokens
from lading.core.access import ANYBODY, Principal
from lading.core.clocks import SLACK
from lading.core.errors import StorageFull, Unavailable
from lading.core.permissions import CurrentPermissions
from lading.core.scopes import CATALOG, Scope
from lading.core.secret_texts import SECRET_BYTES, hash_of, text_of
from lading.metadata.logins.kept_logins import KeptLogin, RefreshTokens

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TokenService:
    """Issues tokens to those who log in, as the logins behind them know them, and to anybody.

    Attributes:
        refresh_lifetime: seconds for which a login can be had again without its password.
    """

    permissions: CurrentPermissions
    tokens: RegistryTokens
    refresh_tokens: RefreshTokens
    refresh_lifetime: float

    async def grant(self, login: Login | None, asked: Iterable[Scope]) -> IssuedToken:
        """A token for what was asked, as far as it is allowed; without a login, to anybody."""
        scopes = self._allowed(ANYBODY if login is None else login.principal, asked)
        return await self.tokens.issue(login, scopes)

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

    async def start_refreshing(self, login: Login) -> str | None:
        """A secret by which the login can be had again, without its password, for some time.

        `None` if it cannot be kept now: nobody is kept from pulling by that.
        """
        secret = text_of(os.urandom(SECRET_BYTES))
        now = self.tokens.clock()
        token = KeptLogin(
            hash=hash_of(secret),
            name=login.principal.name,
            stamp=login.stamp,
            expires_at=now + self.refresh_lifetime,
        )
        try:
            await self.refresh_tokens.add(token, now=now)
        except (StorageFull, Unavailable) as error:
            log.warning("a login gets no refresh token, as it cannot be kept: %s", error)
            return None
        return secret

    async def refresh(self, secret: str) -> Login | None:
        """The login that a secret was given to, if both are still good."""
        token = await self.refresh_tokens.find(hash_of(secret), now=self.tokens.clock())
        if token is None:
            return None
        await self._shorten(token)
        login = await self.tokens.logins.recall(token.name)
        return login if login is not None and login.stamp == token.stamp else None

    async def _shorten(self, token: KeptLogin) -> None:
        """Shorten a token that ends later than one of now would: the clock was ahead then."""
        now = self.tokens.clock()
        ends = now + self.refresh_lifetime
        if token.expires_at > ends + SLACK:
            log.warning("a refresh token of %s ended too late, and ends sooner now", token.name)
            with suppress(StorageFull, Unavailable):  # then it is told and tried the next time
                await self.refresh_tokens.add(replace(token, expires_at=ends), now=now)

"""Kept logins: whoever has the secret of one needs no password for a while.

A session of pages is one, and so is a refresh token. Of the secret, 256 random bits, the hash alone
is kept; and it ends with its login's password, as tokens do.
"""

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from lading.auth.authenticator import Login
from lading.auth.logins import Logins
from lading.core.clocks import SLACK
from lading.core.errors import StorageFull, Unavailable
from lading.core.secret_texts import SECRET_BYTES, hash_of, text_of
from lading.metadata.logins.kept_logins import KeptLogin, PageSessions, RefreshTokens

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KeptLogins:
    """Logins that are kept for `lifetime` seconds, unless they end before."""

    rows: PageSessions | RefreshTokens
    logins: Logins
    lifetime: float
    clock: Callable[[], float]

    async def keep(self, login: Login) -> str:
        """Keep a login; gives its secret.

        Raises:
            StorageFull, Unavailable: it cannot be kept now.
        """
        secret, now = text_of(os.urandom(SECRET_BYTES)), self.clock()
        ends = min(now + self.lifetime, login.until)
        kept = KeptLogin(hash_of(secret), login.principal.name, login.stamp, ends)
        await self.rows.add(kept, now=now)
        return secret

    async def find(self, secret: str) -> Login | None:
        """The login that a secret was given to, if both are still good.

        Raises:
            Unavailable: that cannot be found out now.
        """
        kept = await self.rows.find(hash_of(secret), now=self.clock())
        if kept is None:
            return None
        await self._shorten(kept)
        login = await self.logins.recall(kept.name)
        return login if login is not None and login.stamp == kept.stamp else None

    async def _shorten(self, kept: KeptLogin) -> None:
        """Shorten one that ends later than one of now would: the clock was ahead then."""
        now = self.clock()
        ends = now + self.lifetime
        if kept.expires_at > ends + SLACK:
            log.warning("a kept login of %s ended too late, and ends sooner now", kept.name)
            with suppress(StorageFull, Unavailable):  # then it is told and tried the next time
                await self.rows.add(replace(kept, expires_at=ends), now=now)

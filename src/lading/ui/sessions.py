"""Sessions: who signed in with a browser, by a secret in its cookie.

Of the secret, 256 random bits, the hash alone is kept. A session ends with the password that it was
begun with, as tokens do; and it is a new one with every sign-in, whatever the browser had before.
"""

from lading.auth.authenticator import Login
from lading.auth.logins import Logins
from lading.core.secret_texts import hash_of
from lading.metadata.logins.kept_logins import KeptLogin
from lading.services.registry import Registry
from lading.ui.cookies import new_secret

# Seconds that a session lasts.
LIFETIME = 7 * 24 * 3600


async def begin(registry: Registry, login: Login) -> str:
    """Begin a session; gives its secret.

    Raises:
        StorageFull, Unavailable: it cannot be kept now.
    """
    secret, now = new_secret(), registry.clock()
    ends = min(now + LIFETIME, login.until)
    session = KeptLogin(hash_of(secret), login.principal.name, login.stamp, ends)
    await registry.metadata.page_sessions.add(session, now=now)
    return secret


async def find(registry: Registry, logins: Logins, secret: str) -> Login | None:
    """The login whose session has this secret, if both are still good.

    Raises:
        Unavailable: that cannot be found out now.
    """
    session = await registry.metadata.page_sessions.find(hash_of(secret), now=registry.clock())
    if session is None:
        return None
    login = await logins.recall(session.name)
    return login if login is not None and login.stamp == session.stamp else None


async def end(registry: Registry, secret: str) -> None:
    """End the session with this secret, if there is one."""
    await registry.metadata.page_sessions.end(hash_of(secret))

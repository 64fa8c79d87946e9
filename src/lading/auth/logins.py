"""Where passwords are checked: behind a brake for those who guess.

Every failed check fills two buckets, that of the client's address and that of the account. While
one is full, nothing is checked for it. Three things keep the brake off those who do not guess:

1. The same wrong password from the same client is one guess, however often it comes within some
   seconds: Docker tries a login in two ways, and programs repeat what failed.
2. A login that succeeded passes while it is remembered, whatever the address has done since.
3. A client that an account has logged in from is not held up by what others guess at the account.

What is remembered of names and passwords are keyed hashes, under a key that is this process's own.
"""

import asyncio
import hmac
import os
from collections.abc import Awaitable, Callable

from lading.auth.authenticator import Authenticators, Login
from lading.auth.memory import Memory
from lading.core.buckets import Buckets
from lading.core.errors import TooManyRequests

# Seconds in which the same wrong password is one guess.
SAME_GUESS = 5.0
# Seconds that a login which succeeded passes unhindered.
GOOD_LOGIN = 300.0
# Seconds that a client is known to be an account's.
GOOD_CLIENT = 7 * 24 * 3600.0
_MOST = 10_000


class Brake:
    """Slows down guessing.

    Args:
        per_minute: guesses that one client, and all at one account, may make at once and then per
            minute.
        clock: in seconds; it only goes forward.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._clients = Buckets(burst=per_minute, per_second=per_minute / 60)
        self._accounts = Buckets(burst=per_minute, per_second=per_minute / 60)
        self._good: Memory[bool] = Memory(_MOST, clock)
        self._wrong: Memory[bool] = Memory(_MOST, clock)
        self._key = os.urandom(32)

    def fingerprint(self, *parts: str) -> bytes:
        """What stands for a login, or for an account at a client."""
        lengths = ",".join(str(len(part)) for part in parts)
        text = "\0".join((lengths, *parts))
        return hmac.digest(self._key, text.encode(errors="surrogatepass"), "sha256")

    def passes(self, guess: bytes) -> bool:
        """Whether this very login succeeded lately."""
        return self._good.get(guess) is not None

    def is_known_wrong(self, guess: bytes) -> bool:
        """Whether this very login failed just now."""
        return self._wrong.get(guess) is not None

    def begin(self, client: str, name: str) -> None:
        """Count a guess before it is checked, so that many at once do not all get through.

        Raises:
            TooManyRequests: the client, or others at this account, guessed too often.
        """
        now, account = self._clock(), self.fingerprint(name)
        wait = self._clients.wait(client, now) if client else 0.0
        if name and self._good.get(self.fingerprint(client, name)) is None:
            wait = max(wait, self._accounts.wait(account, now))
        if wait > 0:
            raise TooManyRequests("too many failed logins; wait, then try again", wait)
        self._clients.add(client, now)
        self._accounts.add(account, now)

    def undo(self, client: str, name: str) -> None:
        """It was no guess, or could not be checked."""
        self._clients.take_back(client, self._clock())
        self._accounts.take_back(self.fingerprint(name), self._clock())

    def succeeded(self, client: str, name: str, guess: bytes) -> None:
        """It was no guess, and the same may come again."""
        self.undo(client, name)
        now = self._clock()
        self._good.put(guess, value=True, until=now + GOOD_LOGIN)
        self._good.put(self.fingerprint(client, name), value=True, until=now + GOOD_CLIENT)

    def failed(self, guess: bytes) -> None:
        """It was one."""
        self._wrong.put(guess, value=True, until=self._clock() + SAME_GUESS)


class Logins:
    """All ways to log in with a name and a password.

    Args:
        authenticators: who knows them.
        brake: `None` lets anybody guess.
    """

    def __init__(self, authenticators: Authenticators, brake: Brake | None = None) -> None:
        self._authenticators = authenticators
        self._brake = brake
        self._running: dict[bytes, asyncio.Future[Login | None]] = {}

    async def log_in(self, name: str, password: str, client: str) -> Login | None:
        """See `Authenticator.authenticate`.

        Args:
            name: of the account.
            password: to be checked.
            client: where it comes from; empty if that is not known.

        Raises:
            TooManyRequests: the client, or others at this account, guessed too often.
            Unavailable: it cannot be checked now.
        """
        brake = self._brake
        if brake is None:
            return await self._authenticators.authenticate(name, password)
        guess = brake.fingerprint(client, name, password)
        if brake.passes(guess):
            login = await self._authenticators.authenticate(name, password)
            if login is not None:
                return login
        if brake.is_known_wrong(guess):
            return None
        running = self._running.get(guess)
        if running is None:
            brake.begin(client, name)
            running = asyncio.ensure_future(self._check(brake, client, name, password))
            self._running[guess] = running
            running.add_done_callback(lambda done: self._finish(guess, done))
        return await asyncio.shield(running)

    def recall(self, name: str) -> Awaitable[Login | None]:
        """See `Authenticator.recall`."""
        return self._authenticators.recall(name)

    async def _check(self, brake: Brake, client: str, name: str, password: str) -> Login | None:
        try:
            login = await self._authenticators.authenticate(name, password)
        except BaseException:
            brake.undo(client, name)
            raise
        guess = brake.fingerprint(client, name, password)
        if login is None:
            brake.failed(guess)
        else:
            brake.succeeded(client, name, guess)
        return login

    def _finish(self, guess: bytes, done: asyncio.Future[Login | None]) -> None:
        del self._running[guess]
        if not done.cancelled():
            done.exception()  # it is looked at, even if nobody waits for it any more

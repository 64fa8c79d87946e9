"""Where passwords are checked: in turns, and behind a brake for those who guess.

Secrets that nobody can guess need neither: to check them costs next to nothing, and to count the
wrong ones would only let whoever sends them keep others out.
"""

import asyncio
import time
from collections.abc import Awaitable

from lading.auth.authenticator import Authenticators, Login
from lading.auth.brake import Brake, Guess
from lading.auth.known import KnownLogins
from lading.auth.passwords import MAX_PENDING, THREADS
from lading.auth.turns import Turns


class Logins:
    """All ways to log in with a name and a password.

    Args:
        authenticators: who knows them.
        brake: without one, anybody may guess.
    """

    def __init__(self, authenticators: Authenticators, brake: Brake | None = None) -> None:
        self._authenticators = authenticators
        self._brake = brake or Brake(time.monotonic, KnownLogins())
        self._turns = Turns(THREADS, MAX_PENDING)
        self._running: dict[tuple[str, str, str], asyncio.Future[Login | None]] = {}

    async def log_in(self, name: str, password: str, client: str) -> Login | None:
        """See `Authenticator.authenticate`.

        Args:
            name: of the account.
            password: to be checked.
            client: where it comes from; empty if that is not known.

        Raises:
            TooManyRequests: the client guessed too often.
            Unavailable: it cannot be checked now.
        """
        owner = self._authenticators.owner(name, password)
        if owner is not None:
            return await owner.authenticate(name, password)
        key = (client, name, password)
        running = self._running.get(key)
        if running is None:
            guess = self._brake.begin(client, name, password)
            if guess is None:
                return None
            running = asyncio.ensure_future(self._check(guess, name, password))
            self._running[key] = running
            running.add_done_callback(lambda done: self._finish(key, done))
        return await asyncio.shield(running)

    def recall(self, name: str) -> Awaitable[Login | None]:
        """See `Authenticator.recall`."""
        return self._authenticators.recall(name)

    async def _check(self, guess: Guess, name: str, password: str) -> Login | None:
        try:
            if guess.was_right:  # it is remembered, most likely, and takes no time
                login = await self._authenticators.authenticate(name, password)
            else:
                async with self._turns.take(guess.standing):
                    login = await self._authenticators.authenticate(name, password)
        except BaseException:
            self._brake.undo(guess)
            raise
        if login is None:
            self._brake.failed(guess)
        else:
            self._brake.succeeded(guess)
        return login

    def _finish(self, key: tuple[str, str, str], done: asyncio.Future[Login | None]) -> None:
        del self._running[key]
        if not done.cancelled():
            done.exception()  # it is looked at, even if nobody waits for it any more

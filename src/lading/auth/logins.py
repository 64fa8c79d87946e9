"""Logins with a name and a password: checked in turns, and behind a brake for those who guess.

Secrets that nobody can guess need neither: to check them costs next to nothing, and to count the
wrong ones would only let whoever sends them keep others out.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from lading.auth.authenticator import Authenticator, Login, MachineAuthenticator
from lading.auth.brake import Brake, Guess, Turns
from lading.auth.login_record import KnownLogins, OwnRecord
from lading.auth.memory import LoginMemory
from lading.system.gathering import SingleFlight

# Checks at once: enough to use the time while one waits, too few to starve the transfers.
AT_ONCE = 2
# Checks of each standing that wait; whoever comes then has to come again.
MAX_PENDING = 64


class Logins:
    """All who can log in with a name and a password.

    Args:
        people: whose passwords can be guessed; it takes its time over a name that nobody has.
        machines: whose secrets cannot; each place is asked for what is its own, and alone.
        brake: without one, anybody may guess.
        clock: in seconds since the epoch.
        steady: in seconds; it only goes forward.
    """

    def __init__(
        self,
        people: Authenticator,
        machines: Sequence[MachineAuthenticator] = (),
        brake: Brake | None = None,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._people = people
        self._machines = machines
        self._brake = brake or Brake(steady, OwnRecord(steady, KnownLogins(), {}), None)
        self._turns = Turns(AT_ONCE, MAX_PENDING)
        self._checks: SingleFlight[tuple[str, str, str], Login | None] = SingleFlight()
        # Wherever they came from, so it is asked behind the brake only.
        self._memory: LoginMemory[Login] = LoginMemory(self.recall, clock, steady)

    async def log_in(self, name: str, password: str, client: str) -> Login | None:
        """The login of a name and a password; `None` if they do not belong together.

        Args:
            client: where it comes from; empty if that is not known.

        Raises:
            TooManyRequests: the client guessed too often.
            Unavailable: it cannot be checked now.
        """
        for place in self._machines:
            if place.owns(name, password):
                return await place.authenticate(name, password)
        check = partial(self._check, name, password, client)
        return await self._checks.join((client, name, password), check)

    def recall(self, name: str) -> Awaitable[Login | None]:
        """The login of a name, without its password, as `Authenticator.recall` has it."""
        for place in self._machines:
            if place.may_know(name):
                return place.recall(name)
        return self._people.recall(name)

    async def _check(self, name: str, password: str, client: str) -> Login | None:
        guess = await self._brake.begin(client, name, password)
        if guess is None:
            return None
        try:
            login = await self._look_up(guess, name, password)
        except BaseException:
            await self._brake.undo(guess)
            raise
        if login is None:
            self._brake.failed(guess)
        else:
            await self._brake.succeeded(guess)
        return login

    async def _look_up(self, guess: Guess, name: str, password: str) -> Login | None:
        key = self._memory.key_of(name, password)
        if guess.was_right and (login := self._memory.find(key)) is not None:
            return login
        async with self._turns.take(guess.standing):
            login = self._memory.find(key) or await self._memory.recall(key)
            if login is None:
                login = await self._people.authenticate(name, password)
                if login is not None:
                    self._memory.remember(key, login, login, login.until)
            return login

"""A brake for those who guess passwords, and whose turn it is to have one checked.

Nobody can put the brake on for somebody else.

Every failed check counts for the client's address, for the account, and for the two together. What
that leads to depends on who asks:

1. A login that was right lately passes from where it was, whatever others have done since.
2. A client that an account has logged in from has guesses of its own at it, whatever else comes
   from its address, which may be that of a whole office.
3. A stranger's address has so many guesses. While many addresses guess at one account, a stranger
   has one a minute at it: enough for the right password, too little to find it.

What is counted and remembered is in a record (`lading.auth.login_record`), as keyed hashes.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import IntEnum
from functools import partial

from lading.auth.login_record import Bucket, CountedFor, LoginRecord, Rates, Verdict
from lading.core.errors import TooManyRequests, Unavailable
from lading.core.recent import Recent

# Seconds in which the same wrong password from the same client is one guess: Docker tries a login
# in two ways, and programs repeat what failed.
SAME_GUESS = 5.0
# Seconds that a right password passes unhindered.
GOOD_LOGIN = 24 * 3600.0
# Seconds that a client is known to be an account's.
GOOD_CLIENT = 7 * 24 * 3600.0
# Of wrong passwords, those that are remembered.
_MOST = 10_000


class Standing(IntEnum):
    """The standing of who waits: how much is known for them; the least number comes first."""

    KNOWN = 0
    STRANGER = 1
    SUSPECT = 2


@dataclass(frozen=True, slots=True)
class Guess:
    """A login that is being checked, and what it counts for.

    Attributes:
        login: the hash that it is known by.
        pair: that of the account at this client.
        standing: how much is known for whoever tries it.
        was_right: whether this very login was right lately.
        filled: the buckets that it is counted in.
    """

    login: bytes
    pair: bytes
    standing: Standing
    was_right: bool
    filled: Collection[Bucket] = ()


class Brake:
    """The brake: counts wrong logins, and has who guesses wait.

    Args:
        clock: in seconds; it only goes forward.
        record: of logins.
        rates: of guesses; `None` for any number of them.
    """

    def __init__(
        self, clock: Callable[[], float], record: LoginRecord, rates: Rates | None
    ) -> None:
        self._clock = clock
        self._record = record
        self._rates = rates
        # Until when a wrong login is the same guess.
        self._wrong: Recent[bytes, float] = Recent(_MOST)

    async def begin(self, client: str, name: str, password: str) -> Guess | None:
        """Count a guess before its check, as many come at once; `None` if it failed just now.

        Raises:
            TooManyRequests: the client guessed too often.
        """
        login = self._record.fingerprint(client, name, password)
        if self._rates is not None and (self._wrong.get(login) or 0.0) > self._clock():
            return None
        pair = self._record.fingerprint(client, name)
        known = await self._record.known(login, pair)
        was_right = login in known
        standing = Standing.KNOWN if known else Standing.STRANGER
        if self._rates is None or was_right:  # no guess, if only it is as it was
            return Guess(login, pair, standing, was_right)
        buckets = self._buckets_of(client, name, pair, is_known=bool(known))
        verdict = await self._record.count(buckets, partial(_judge, self._rates))
        if verdict.wait > 0:
            raise TooManyRequests("too many failed logins; wait, then try again", verdict.wait)
        if verdict.is_suspect:
            standing = Standing.SUSPECT
        return Guess(login, pair, standing, was_right, verdict.filled)

    async def undo(self, guess: Guess) -> None:
        """Count a guess no more: it was none, or could not be checked."""
        await self._record.take_back(guess.filled)

    async def succeeded(self, guess: Guess) -> None:
        """Count a guess no more, and know its login from now on: it was right."""
        await self.undo(guess)
        await self._record.remember({guess.login: GOOD_LOGIN, guess.pair: GOOD_CLIENT})

    def failed(self, guess: Guess) -> None:
        """Keep a guess in its buckets: it was wrong."""
        self._wrong.put(guess.login, self._clock() + SAME_GUESS)

    def _buckets_of(
        self, client: str, name: str, pair: bytes, *, is_known: bool
    ) -> Sequence[Bucket]:
        here = Bucket(CountedFor.PAIR, pair)
        if is_known or not client:  # where it comes from is not known: it may be anybody
            return (here,)
        return (
            here,
            Bucket(CountedFor.CLIENT, self._record.fingerprint(client)),
            Bucket(CountedFor.ACCOUNT, self._record.fingerprint("account", name)),
            Bucket(CountedFor.STRANGER, pair),
        )


def _judge(rates: Rates, levels: Mapping[Bucket, float]) -> Verdict:
    """The verdict on a guess, by how full each of its buckets is."""
    waits = {bucket.kind: rates[bucket.kind].wait(level) for bucket, level in levels.items()}
    # Its account is counted and never waited for; a stranger waits only where many guess.
    many_guess = waits.pop(CountedFor.ACCOUNT, 0.0) > 0
    if not many_guess:
        waits.pop(CountedFor.STRANGER, None)
    if (wait := max(waits.values())) > 0:
        return Verdict(wait)
    counted = waits.keys() | {CountedFor.ACCOUNT}
    suspect = any(level > 0 for bucket, level in levels.items() if bucket.kind is CountedFor.CLIENT)
    return Verdict(0.0, [bucket for bucket in levels if bucket.kind in counted], suspect)


class Turns:
    """Turns of one event loop, where few at a time can be served: the others wait.

    Each standing has room of its own to wait, so a crowd of strangers takes nothing from those who
    are known, and who was wrong just now comes last.
    """

    def __init__(self, at_once: int, room: int) -> None:
        self._free = at_once
        self._room = room
        self._waiting: list[deque[asyncio.Future[None]]] = [deque() for _ in Standing]

    @asynccontextmanager
    async def take(self, standing: Standing) -> AsyncIterator[None]:
        """Wait for a turn; it is over with the block.

        Raises:
            Unavailable: too many of that standing wait already.
        """
        await self._begin(standing)
        try:
            yield
        finally:
            self._end()

    async def _begin(self, standing: Standing) -> None:
        if self._free:
            self._free -= 1
            return
        waiting = self._waiting[standing]
        if len(waiting) >= self._room:
            raise Unavailable("too many logins are being checked; try again soon")
        turn = asyncio.get_running_loop().create_future()
        waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                waiting.remove(turn)
            else:  # it had come just then
                self._end()
            raise

    def _end(self) -> None:
        """Give a turn that is over to whoever is next."""
        for waiting in self._waiting:
            if waiting:
                waiting.popleft().set_result(None)
                return
        self._free += 1

"""A brake for those who guess passwords, which nobody can put on for somebody else.

Every failed check counts for the client's address, for the account, and for the two together. What
that leads to depends on who asks:

1. A login that was right lately passes from where it was, whatever others have done since.
2. A client that an account has logged in from has guesses of its own at it, whatever else comes
   from its address, which may be that of a whole office.
3. A stranger's address has so many guesses. While many addresses guess at one account, a stranger
   has one a minute at it: enough for the right password, too little to find it.

What is remembered of names and passwords are keyed hashes, which all workers share.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from lading.auth.known import KnownLogins
from lading.auth.turns import Standing
from lading.core.buckets import Buckets
from lading.core.errors import TooManyRequests
from lading.core.recent import Recent

# Seconds in which the same wrong password from the same client is one guess: Docker tries a login
# in two ways, and programs repeat what failed.
SAME_GUESS = 5.0
# Seconds that a right password passes unhindered.
GOOD_LOGIN = 24 * 3600.0
# Seconds that a client is known to be an account's.
GOOD_CLIENT = 7 * 24 * 3600.0
# Seconds between a stranger's guesses at an account that many guess at.
STRANGERS_PAUSE = 60.0
# Of each thing that is remembered and has an address in it, of which there are many.
_MOST = 10_000


Bucket = tuple[Buckets, Hashable]


@dataclass(frozen=True, slots=True)
class Guess:
    """A login that is being checked, and what it counts for.

    Attributes:
        login: the hash that it is known by.
        pair: that of the account at this client.
        standing: how much is known for whoever tries it.
        was_right: whether this very login was right lately.
        asked: the buckets that must have room for it.
        filled: the buckets that it is counted in.
    """

    login: bytes
    pair: bytes
    standing: Standing
    was_right: bool = False
    asked: Sequence[Bucket] = ()
    filled: Sequence[Bucket] = ()


class Brake:
    """The brake: counts wrong logins, and has who guesses wait.

    Args:
        clock: in seconds; it only goes forward, and all workers have the same.
        known: what was right lately.
        per_minute: guesses that one client may make at once and then per minute; 0 for any number.
    """

    def __init__(
        self, clock: Callable[[], float], known: KnownLogins, *, per_minute: int = 0
    ) -> None:
        self._clock = clock
        self._known = known
        self._is_on = per_minute > 0
        self._clients = Buckets(burst=per_minute, per_second=per_minute / 60)
        self._pairs = Buckets(burst=per_minute, per_second=per_minute / 60, capacity=_MOST)
        self._accounts = Buckets(burst=per_minute, per_second=per_minute / 60)
        self._strangers = Buckets(burst=1, per_second=1 / STRANGERS_PAUSE, capacity=_MOST)
        # Until when a wrong login is the same guess.
        self._wrong: Recent[bytes, float] = Recent(_MOST)

    def begin(self, client: str, name: str, password: str) -> Guess | None:
        """Count a guess before it is checked, so that many at once do not all get through.

        Returns:
            `None` if this very login failed just now.

        Raises:
            TooManyRequests: the client guessed too often.
        """
        now = self._clock()
        guess = self._guess(client, name, password, now)
        if self._is_on and (self._wrong.get(guess.login) or 0.0) > now:
            return None
        wait = max((buckets.wait(key, now) for buckets, key in guess.asked), default=0.0)
        if wait > 0:
            raise TooManyRequests("too many failed logins; wait, then try again", wait)
        for buckets, key in guess.filled:
            buckets.add(key, now)
        return guess

    def undo(self, guess: Guess) -> None:
        """Count it no more: it was no guess, or could not be checked."""
        now = self._clock()
        for buckets, key in guess.filled:
            buckets.take_back(key, now)

    def succeeded(self, guess: Guess) -> None:
        """Count it no more, and know it from now on: it was right."""
        self.undo(guess)
        now = self._clock()
        self._known.remember(guess.login, now=now, until=now + GOOD_LOGIN)
        self._known.remember(guess.pair, now=now, until=now + GOOD_CLIENT)

    def failed(self, guess: Guess) -> None:
        """Leave it counted: it was wrong."""
        self._wrong.put(guess.login, self._clock() + SAME_GUESS)

    def _guess(self, client: str, name: str, password: str, now: float) -> Guess:
        login = self._known.fingerprint(client, name, password)
        pair = self._known.fingerprint(client, name)
        was_right = self._known.is_known(login, now)
        is_known = was_right or self._known.is_known(pair, now)
        standing = Standing.KNOWN if is_known else self._standing(client, now)
        if not self._is_on:
            return Guess(login, pair, standing, was_right)
        here: Bucket = (self._pairs, pair)
        if is_known or not client:  # where it comes from is not known: it may be anybody
            return Guess(login, pair, standing, was_right, () if was_right else (here,), (here,))
        address: Bucket = (self._clients, client)
        account: Bucket = (self._accounts, self._known.fingerprint(name))
        stranger: Bucket = (self._strangers, pair)
        asked = (here, address, stranger) if _is_full(account, now) else (here, address)
        return Guess(login, pair, standing, was_right, asked, (*asked, account))

    def _standing(self, client: str, now: float) -> Standing:
        return Standing.STRANGER if self._clients.is_empty(client, now) else Standing.SUSPECT


def _is_full(bucket: Bucket, now: float) -> bool:
    buckets, key = bucket
    return buckets.wait(key, now) > 0

"""Memory of right logins, for some minutes: what each led to, as long as it is as it was.

It is found by keyed hashes: neither a password nor a token is kept, nor anything from which one
could be guessed without this process's key. Whenever it is found, the login behind it is looked at:
a removed user, a changed password or a revoked robot is out at once. That takes some microseconds,
so one look counts for all requests that had arrived by then.
"""

import hashlib
import math
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic

from lading.auth.authenticator import Login
from lading.core.recent import Recent
from lading.core.typing import T

# Seconds after which a login is checked anew.
REMEMBERED = 300.0
MOST = 10_000


@dataclass(slots=True)
class _Remembered(Generic[T]):
    """A login, and what it led to.

    Attributes:
        login: with which it ends; `None` if it ends by time alone.
        until: when it is over, on a clock that only goes forward.
        looked: when the login was looked at last.
    """

    value: T
    login: Login | None
    until: float
    looked: float = -math.inf


class LoginMemory(Generic[T]):
    """Right logins by keyed hashes, each with what it led to.

    Args:
        recall: the login of a name, as it is now.
        clock: in seconds since the epoch.
        steady: in seconds; it only goes forward, so that nothing is remembered for years because a
            clock was set back.
    """

    def __init__(
        self,
        recall: Callable[[str], Awaitable[Login | None]],
        clock: Callable[[], float],
        steady: Callable[[], float],
    ) -> None:
        self._recall = recall
        self._clock = clock
        self._steady = steady
        self._hasher = hashlib.blake2b(key=os.urandom(32), digest_size=32)
        self._entries: Recent[bytes, _Remembered[T]] = Recent(MOST)

    def key_of(self, first: str, second: str) -> bytes:
        """The keyed hash of two words, of which one is a secret; the first has no NUL in it."""
        hasher = self._hasher.copy()
        hasher.update(f"{first}\0{second}".encode("utf-8", "surrogatepass"))
        return hasher.digest()

    def remember(self, key: bytes, value: T, login: Login | None, until: float = math.inf) -> None:
        """Remember what a login led to, until a time since the epoch at most."""
        seconds = min(until - self._clock(), REMEMBERED)
        self._entries.put(key, _Remembered(value, login, self._steady() + seconds))

    def find(self, key: bytes, arrived: float = math.inf) -> T | None:
        """The value of a key, if its login says without waiting that it is unchanged.

        Args:
            arrived: when the request had, by `time.monotonic`; one that is not given is later than
                any look.
        """
        entry = self._entries.get(key)
        if entry is None:
            return None
        if arrived <= entry.looked:
            return entry.value
        if entry.until <= self._steady():
            self._entries.pop(key)
            return None
        looked = time.monotonic()
        if entry.login is not None and not entry.login.stands():
            return None
        entry.looked = looked
        return entry.value

    async def recall(self, key: bytes) -> T | None:
        """The value of a key, if its login is unchanged in the place that it comes from."""
        entry, looked = self._entries.get(key), time.monotonic()
        if entry is None or entry.login is None:
            return None
        login = await self._recall(entry.login.principal.name)
        if login is None or login.stamp != entry.login.stamp:
            return None
        entry.looked = max(entry.looked, looked)
        return entry.value

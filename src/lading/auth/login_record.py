"""Record of logins: which were right lately, and how often somebody has guessed.

A worker keeps it by itself, but for what was right: that all workers of its machine see, in memory
that they share. Several replicas have one together (`lading.auth.shared_record`).
"""

import hmac
import mmap
import os
import struct
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from lading.core.buckets import CAPACITY, Buckets
from lading.core.typing import override

# 16 bytes of a hash, and when it is over, on a clock that all processes of a machine share.
_ENTRY = struct.Struct("=16sd")
# Entries that one hash may be in, and sets of so many: 65,536 entries, 1.5 MiB.
_WAYS = 8
_SETS = 8192
_SET_SIZE = _ENTRY.size * _WAYS
# Buckets of what has an account and an address in it, of which there are many; of what has one.
_MOST_PAIRS, _MOST = 10_000, CAPACITY
# Seconds between a stranger's guesses at an account that many guess at.
STRANGERS_PAUSE = 60.0


class CountedFor(Enum):
    """The kinds of buckets: what guesses are counted for."""

    PAIR = "an account at a client"
    CLIENT = "a client"
    ACCOUNT = "an account"
    STRANGER = "a stranger at an account that many guess at"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket that guesses fill, by whose it is."""

    kind: CountedFor
    key: bytes


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate: how many guesses somebody has at once (`burst`), and for ever `per_second`."""

    burst: float
    per_second: float

    def wait(self, level: float) -> float:
        """Seconds until one more fits into a bucket that is so full; 0 if it does now."""
        return max(0.0, (level + 1 - self.burst) / self.per_second)


Rates = Mapping[CountedFor, Rate]


def rates_of(per_minute: int) -> Rates:
    """The rates of guesses, if a client may make so many at once and then per minute."""
    usual = Rate(per_minute, per_minute / 60)
    return dict.fromkeys(CountedFor, usual) | {CountedFor.STRANGER: Rate(1, 1 / STRANGERS_PAUSE)}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on a guess: whether it is checked, or has to wait.

    Attributes:
        wait: seconds until it may be made; 0 for now.
        filled: the buckets that it is counted in; none if it has to wait.
        is_suspect: whether its client was wrong lately.
    """

    wait: float = 0.0
    filled: Collection[Bucket] = ()
    is_suspect: bool = False


Judge = Callable[[Mapping[Bucket, float]], Verdict]
"""Gives the verdict on a guess, from how full each of its buckets is; called perhaps twice."""


class LoginRecord(Protocol):
    """A record of logins; only keyed hashes of them are in it."""

    def fingerprint(self, *parts: str) -> bytes:
        """The keyed hash of a few words: of a login, or of an account at a client."""

    async def known(self, *fingerprints: bytes) -> Collection[bytes]:
        """Fingerprints that are remembered, of these."""

    async def remember(self, seconds: Mapping[bytes, float]) -> None:
        """Remember fingerprints, each for so many seconds from now."""

    async def count(self, buckets: Sequence[Bucket], judge: Judge) -> Verdict:
        """Count a guess as the verdict on it says, so that none at the same time goes unseen."""

    async def take_back(self, buckets: Collection[Bucket]) -> None:
        """Count a guess no more in these buckets."""


class KnownLogins:
    """Keyed hashes that are remembered for a while, by all workers that are made after this.

    The key is one that only these processes have, or those of all replicas. A worker reads and
    writes without a lock: an entry that two write at once is nobody's, and whoever it was of is a
    stranger for once.
    """

    def __init__(self, key: bytes | None = None, memory: mmap.mmap | None = None) -> None:
        self._key = key or os.urandom(32)
        self._memory = memory or _new_memory()

    def under(self, key: bytes) -> "KnownLogins":
        """This memory with hashes under another key, one that other machines have, too."""
        return KnownLogins(key, self._memory)

    def fingerprint(self, *parts: str) -> bytes:
        """The keyed hash of a few words: of a login, or of an account at a client."""
        lengths = ",".join(str(len(part)) for part in parts)
        text = "\0".join((lengths, *parts))
        return hmac.digest(self._key, text.encode(errors="surrogatepass"), "sha256")[:16]

    def remember(self, fingerprint: bytes, *, now: float, until: float) -> None:
        """Remember a hash; of those that would be in its place, the one that ends first goes."""
        start = self._set_of(fingerprint)
        entries = list(_ENTRY.iter_unpack(self._memory[start : start + _SET_SIZE]))
        same = [way for way, (kept, _) in enumerate(entries) if kept == fingerprint]
        way = same[0] if same else min(range(_WAYS), key=lambda way: max(entries[way][1], now))
        _ENTRY.pack_into(self._memory, start + way * _ENTRY.size, fingerprint, until)

    def is_known(self, fingerprint: bytes, now: float) -> bool:
        """Whether a hash is remembered."""
        start = self._set_of(fingerprint)
        entries = _ENTRY.iter_unpack(self._memory[start : start + _SET_SIZE])
        return any(kept == fingerprint and until > now for kept, until in entries)

    def _set_of(self, fingerprint: bytes) -> int:
        return int.from_bytes(fingerprint[:4], "big") % _SETS * _SET_SIZE


def _new_memory() -> mmap.mmap:
    memory = mmap.mmap(-1, _SET_SIZE * _SETS)
    # Hashes of passwords do not belong into the picture of a process that has crashed.
    memory.madvise(mmap.MADV_DONTDUMP)
    return memory


class OwnRecord(LoginRecord):
    """The record of a worker.

    Args:
        clock: in seconds; it only goes forward, and all workers of the machine have the same.
        known: what was right lately.
    """

    def __init__(self, clock: Callable[[], float], known: KnownLogins, rates: Rates) -> None:
        self._clock = clock
        self._known = known
        self._counts = {kind: _buckets(kind, rate) for kind, rate in rates.items()}

    @override
    def fingerprint(self, *parts: str) -> bytes:
        return self._known.fingerprint(*parts)

    @override
    async def known(self, *fingerprints: bytes) -> Collection[bytes]:
        now = self._clock()
        return [each for each in fingerprints if self._known.is_known(each, now)]

    @override
    async def remember(self, seconds: Mapping[bytes, float]) -> None:
        now = self._clock()
        for fingerprint, lasting in seconds.items():
            self._known.remember(fingerprint, now=now, until=now + lasting)

    @override
    async def count(self, buckets: Sequence[Bucket], judge: Judge) -> Verdict:
        now = self._clock()
        verdict = judge({each: self._counts[each.kind].level(each.key, now) for each in buckets})
        for bucket in verdict.filled:
            self._counts[bucket.kind].add(bucket.key, now)
        return verdict

    @override
    async def take_back(self, buckets: Collection[Bucket]) -> None:
        now = self._clock()
        for bucket in buckets:
            self._counts[bucket.kind].take_back(bucket.key, now)


def _buckets(kind: CountedFor, rate: Rate) -> Buckets:
    capacity = _MOST_PAIRS if kind in {CountedFor.PAIR, CountedFor.STRANGER} else _MOST
    return Buckets(burst=rate.burst, per_second=rate.per_second, capacity=capacity)

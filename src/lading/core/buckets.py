"""Leaky buckets: how much each of many has used lately, in bounded memory.

A leaky bucket for each: what is used fills it, time empties it, and what would make it run over has
to wait. Buckets that were used longest ago are forgotten first, so that no number of strangers
fills the memory.
"""

from collections.abc import Hashable

from lading.core.recent import Recent

# Of buckets, at about 200 bytes each.
CAPACITY = 50_000


class Buckets:
    """Leaky buckets, one for each key.

    Args:
        burst: how much fits into a bucket: what may be used at once.
        per_second: how much of it leaks: what may be used for ever.
        capacity: how many buckets are remembered.
    """

    def __init__(self, *, burst: float, per_second: float, capacity: int = CAPACITY) -> None:
        self._burst = burst
        self._per_second = per_second
        self._buckets: Recent[Hashable, tuple[float, float]] = Recent(capacity)

    def wait(self, key: Hashable, now: float) -> float:
        """Seconds until one more fits into the bucket of a key; 0 if it does now.

        The time is in seconds, on any clock that only goes forward.
        """
        return max(0.0, (self.level(key, now) + 1 - self._burst) / self._per_second)

    def level(self, key: Hashable, now: float) -> float:
        """How much is in the bucket of a key; 0 if all of what was put in has leaked."""
        level, at = self._buckets.get(key) or (0.0, now)
        return max(0.0, level - (now - at) * self._per_second)

    def add(self, key: Hashable, now: float, amount: float = 1) -> None:
        """Put one into the bucket, or as much as that, be it full or not."""
        self._put(key, self.level(key, now) + amount, now)

    def take_back(self, key: Hashable, now: float) -> None:
        """Take out again what was put in."""
        self._put(key, max(0.0, self.level(key, now) - 1), now)

    def _put(self, key: Hashable, level: float, now: float) -> None:
        self._buckets.put(key, (level, now))

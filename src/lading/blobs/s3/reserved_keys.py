"""Reserved keys: those of small objects are written down before, many by one statement.

The key of an object comes before the object, so that what a killed process leaves is known. For a
small one that would be a good part of what it costs. A reserved key is that of an unused object
until it is used; whatever becomes of this process, that is deleted as all unused objects are.
"""

import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from lading.ports.objects import READING
from lading.system.gathering import SingleFlight

# Keys that are reserved at once: the first time, and at most; each time twice as many.
FIRST = 4
MOST = 64
# Seconds after which a key is used no more: long before it is deleted.
LASTING = READING / 10

Reserve = Callable[[Sequence[str], float], Awaitable[None]]


class ReservedKeys:
    """Keys that are reserved for this worker.

    Args:
        clock: the time, in seconds since the epoch.
    """

    def __init__(
        self, reserve: Reserve, clock: Callable[[], float], new_key: Callable[[], str]
    ) -> None:
        self._reserve = reserve
        self._clock = clock
        self._new_key = new_key
        self._number = FIRST
        self._keys: deque[str] = deque()
        self._until = 0.0  # by the monotonic clock: all of them are as old
        # All who wait are told if none can be had, or the last would wait for as many failures.
        self._reserving: SingleFlight[None, None] = SingleFlight()

    async def take(self) -> str:
        """A key, which is the caller's alone; an error if none can be written down."""
        if time.monotonic() > self._until:
            self._keys.clear()
        while not self._keys:
            await self._reserving.join(None, self._reserve_more)
        return self._keys.popleft()

    async def _reserve_more(self) -> None:
        until = time.monotonic() + LASTING
        keys = [self._new_key() for _ in range(self._number)]
        await self._reserve(keys, self._clock())
        self._keys.extend(keys)
        self._until = until
        self._number = min(MOST, 2 * self._number)

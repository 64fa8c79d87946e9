"""The room of an object store: what all that is done there works with, and keys of objects."""

import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from lading.blobs.s3.object_store import ObjectStore
from lading.blobs.s3.object_writer import MEMORY
from lading.blobs.s3.waiting_files import WaitingRoom
from lading.ports.objects import READING, ObjectRows, UploadRows
from lading.system.gathering import SingleFlight
from lading.system.room import Budget
from lading.system.threads import Threads

# Threads that hash what comes to an object store, and what is read of it.
HASHING = 2
# Keys that are reserved at once: the first time, and at most; each time twice as many.
FIRST = 4
MOST = 64
# Seconds after which a key is used no more: long before it is deleted.
LASTING = READING / 10

Reserve = Callable[[Sequence[str], float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ObjectRoom:
    """The room of an object store, for one worker.

    Attributes:
        uploads, objects: the rows that say what is there.
        clock: the time, in seconds since the epoch.
        files: where bytes of uploads wait when the budget is spent.
        budget: of memory, for all uploads.
    """

    store: ObjectStore
    uploads: UploadRows
    objects: ObjectRows
    clock: Callable[[], float]
    files: WaitingRoom
    budget: Budget = field(default_factory=lambda: Budget(MEMORY))
    hashing: Threads = field(default_factory=lambda: Threads(HASHING, "hashing"))


def new_key() -> str:
    """The key of an object, which no other has or ever had.

    Servers that keep objects as files have as many in a directory as that is good at.
    """
    name = secrets.token_hex(16)
    return f"objects/{name[:2]}/{name[2:]}"


class ReservedKeys:
    """Keys that are reserved for this worker: of small objects, many by one statement.

    The key of an object comes before the object, so that what a killed process leaves is known. For
    a small one that would be a good part of what it costs. A reserved key is that of an unused
    object until it is used; whatever becomes of this process, that is deleted as all unused objects
    are.

    Args:
        clock: the time, in seconds since the epoch.
    """

    def __init__(self, reserve: Reserve, clock: Callable[[], float]) -> None:
        self._reserve = reserve
        self._clock = clock
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
        keys = [new_key() for _ in range(self._number)]
        await self._reserve(keys, self._clock())
        self._keys.extend(keys)
        self._until = until
        self._number = min(MOST, 2 * self._number)

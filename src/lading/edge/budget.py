"""Budgets of memory: what bodies of requests and answers may take of a worker, all together.

What one client can make a worker hold is multiplied by as many connections as it likes, so it is
bounded for all of them at once. Nothing here is held back from one client for another that stands
still: who comes when a budget is spent gets less of what the budget is for, or goes another way.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lading.core.buckets import Buckets
from lading.system.room import Budget, ClientTurns
from lading.system.threads import Threads

# Bytes of memory for pieces of bodies, and for whole ones: enough for more pushes than cores can
# hash at once. When it is spent, what comes is cut into small pieces, or waits on the disk, and
# takes longer.
MEMORY = 48 * 1024 * 1024
# Bytes of files of bodies that wait. They belong to clients that are in the middle of something; so
# many of them stand still on purpose.
DISK = 1024 * 1024 * 1024
# Bytes of large bodies that are understood and stored at once: two manifests of the largest size,
# each of which becomes many times as many objects meanwhile. Others wait their turn.
WORK = 8 * 1024 * 1024
# Bytes of large bodies that a client may send at once, and in each second after that: two of the
# largest manifests, then sixteen. To receive one and to put it aside takes a processor some
# milliseconds, and hundreds of connections of one client would take all of its time.
PACE_BURST = 8 * 1024 * 1024
PACE = 64 * 1024 * 1024


class Pace:
    """The pace at which large bodies of one client are received; those of others have their own.

    Args:
        clock: in seconds; it only goes forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._received = Buckets(burst=PACE_BURST, per_second=PACE)

    async def keep(self, client: str, size: int) -> None:
        """Wait after so many bytes of a client, if there were more than it may send at once."""
        now = self._clock()
        self._received.add(client, now, size)
        over = self._received.level(client, now) - PACE_BURST
        if over > 0:
            await asyncio.sleep(over / PACE)


@dataclass(frozen=True, slots=True)
class BodyBudgets:
    """What all bodies of a worker may take: of its memory, its disk and its time.

    Attributes:
        memory: for pieces of bodies, and for whole ones; the server takes of the same.
        disk: for whole bodies that do not fit into memory.
        work: for large bodies that are understood and stored.
        pace: of large bodies that are received.
        thread: for bodies on the disk. It is one: hundreds of clients may leave at the same time,
            and to free what each has left there takes a processor a millisecond.
        directory: where files may be made; `None` for the system's place for such files.
    """

    memory: Budget = field(default_factory=lambda: Budget(MEMORY))
    disk: Budget = field(default_factory=lambda: Budget(DISK))
    work: ClientTurns = field(default_factory=lambda: ClientTurns(WORK))
    pace: Pace = field(default_factory=Pace)
    thread: Threads = field(default_factory=lambda: Threads(1, "bodies"))
    directory: Path | None = None

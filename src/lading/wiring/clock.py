"""Clock of the registry: the machine's, or that of the database where several machines share it.

Leases, grace and tokens compare times that different replicas have written. So all of them go by
one clock, whatever their machines say: they are off from it by half of what asking takes.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from lading.core.clocks import FollowingClock
from lading.core.errors import RegistryError
from lading.metadata.times import Times
from lading.wiring.tasks import running

log = logging.getLogger(__name__)

# Seconds between asking; what a machine's own clock is off by in them is less than a millisecond.
INTERVAL = 60.0
# Seconds that an answer may take; the next one may be quicker.
LONGEST = 1.0
# Seconds by which a machine's own clock is off without a word in the log.
NOTICEABLE = 5.0


@asynccontextmanager
async def open_clock(times: Times) -> AsyncIterator[Callable[[], float]]:
    """The clock of a database, followed for the length of a block.

    Raises:
        Unavailable: the database cannot be asked.
    """
    clock = FollowingClock(time.monotonic)
    await _ask(clock, times)
    await _ask(clock, times)  # the first connection took its time
    if abs(ahead := time.time() - clock()) > NOTICEABLE:
        log.warning(
            "this machine's clock is %.0f seconds %s the database's, which counts; set it right",
            abs(ahead),
            "ahead of" if ahead > 0 else "behind",
        )
    async with running(_follow(clock, times)):
        yield clock


async def _follow(clock: FollowingClock, times: Times) -> None:
    while True:
        await asyncio.sleep(INTERVAL)
        try:
            await _ask(clock, times, longest=LONGEST)
        except (RegistryError, MemoryError) as error:  # it is away, or there is no thread to ask in
            log.warning("the database's clock cannot be asked: %s", error)


async def _ask(clock: FollowingClock, times: Times, longest: float = float("inf")) -> None:
    asked = time.monotonic()
    theirs = await times.now()
    answered = time.monotonic()
    if answered - asked <= longest:
        clock.follow(theirs, asked=asked, answered=answered)

"""Leases: one worker of many does a job at a time, and a dead one does not hold it for ever.

A lease keeps workers out of each other's way. Nothing depends on it for its safety: two collectors
at once do some work twice, and lose nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from lading.core.errors import Unavailable
from lading.services.registry import Registry

# Seconds after which a lease that was not renewed is anybody's. A step of a job takes far less.
DURATION = 60.0
# Seconds between looks at a job that somebody else does.
POLL = 0.2


class Lease:
    """A lease: the right to do a job, for a while."""

    def __init__(self, registry: Registry, job: str, holder: str, expires_at: float) -> None:
        self._registry = registry
        self._job = job
        self._holder = holder
        self._expires_at = expires_at

    async def renew(self) -> None:
        """Renew the lease now and then, between two steps; `Unavailable` if it was lost."""
        now = self._registry.clock()
        # More than it can last is left if the clock has been set back.
        if DURATION / 2 < self._expires_at - now <= DURATION:
            return
        self._expires_at = now + DURATION
        if not await self._registry.metadata.jobs.renew(
            self._job, self._holder, expires_at=self._expires_at
        ):
            raise Unavailable(f"another worker has taken over ({self._job}); this one stops")


@asynccontextmanager
async def claim(
    registry: Registry, job: str, holder: str, *, finished_before: float | None = None
) -> AsyncIterator[Lease | None]:
    """Claim a job's lease; `None` if another worker has it, or did the job after `finished_before`.

    Args:
        holder: who does it, for a person; no two workers may have the same name.
        finished_before: the job is due only if it last finished before this time.
    """
    now, finished_at = registry.clock(), None
    # Until it is refused, it may be this one's: a write is done even if who waits is cancelled.
    claimed = True
    try:
        claimed = await registry.metadata.jobs.claim(
            job, holder, now=now, expires_at=now + DURATION, finished_before=finished_before
        )
        yield Lease(registry, job, holder, now + DURATION) if claimed else None
        finished_at = registry.clock()
    finally:
        if claimed:
            await registry.metadata.jobs.end_lease(job, holder, finished_at=finished_at)


@asynccontextmanager
async def wait_for(
    registry: Registry, job: str, holder: str, waiting: Callable[[str, float], None]
) -> AsyncIterator[Lease]:
    """Wait for a job's lease, until whoever has it has finished, or has died.

    Args:
        holder: see `claim`.
        waiting: called once for each who does it now, with the seconds that its lease lasts.
    """
    announced = ""
    while True:
        async with claim(registry, job, holder) as held:
            if held is not None:
                yield held
                return
        known = await registry.metadata.jobs.find(job)
        if known is not None and known.holder is not None and known.holder != announced:
            announced = known.holder
            waiting(announced, known.expires_at - registry.clock())
        await asyncio.sleep(POLL)

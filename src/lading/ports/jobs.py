"""The part of `Metadata` that keeps workers out of each other's way."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Job:
    """Something that one worker at a time does, now and then.

    Attributes:
        holder: who does it now, for a person; `None` if nobody does.
        expires_at: when others may take over, because the holder seems to be dead.
        started_at: when it was last begun.
        finished_at: when it last came to its end; `None` if it never did.
    """

    holder: str | None
    expires_at: float
    started_at: float
    finished_at: float | None


class Jobs(Protocol):
    """Leases of what one worker at a time does."""

    async def find_job(self, name: str) -> Job | None:
        """What is known of a job that ever ran."""

    async def claim_job(
        self,
        name: str,
        holder: str,
        *,
        now: float,
        expires_at: float,
        finished_before: float | None,
    ) -> bool:
        """Take the lease of a job; false if another holder's has not expired.

        Also false if the job finished after `finished_before`, so that of many workers that find it
        due only one does it. What this and the next two write may be forgotten in a power cut.
        """

    async def renew_job(self, name: str, holder: str, *, expires_at: float) -> bool:
        """Hold the lease for longer; false if it was lost to another."""

    async def release_job(self, name: str, holder: str, *, finished_at: float | None) -> None:
        """Let go of the lease, unless it was lost; `finished_at` if the job came to its end."""

    async def release_jobs(self) -> None:
        """Let go of every lease, whoever holds it. What this writes may be forgotten as well."""

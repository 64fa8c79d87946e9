"""Rows of jobs: what one of many workers does at a time, by a lease that ends by itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from lading.metadata.noun import reading, writing
from lading.ports.database import Database, SqlConnection

_CLAIM = """
    INSERT INTO jobs (name, holder, expires_at, started_at)
    VALUES (:name, :holder, :expires_at, :now)
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder,
        expires_at = excluded.expires_at, started_at = excluded.started_at
    WHERE (jobs.holder IS NULL OR jobs.expires_at <= :now OR jobs.expires_at > :longest)
        AND (jobs.finished_at IS NULL OR jobs.finished_at <= :finished_before
            OR jobs.finished_at > :longest OR :finished_before IS NULL)
"""


@dataclass(frozen=True, slots=True)
class JobState:
    """The state of a job: something that one worker at a time does, now and then.

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


def find(connection: SqlConnection, name: str) -> JobState | None:
    """The state of a job that ever ran."""
    row = connection.execute(
        "SELECT holder, expires_at, started_at, finished_at FROM jobs WHERE name = ?", (name,)
    ).fetchone()
    return None if row is None else JobState(*row)


def claim(
    connection: SqlConnection,
    name: str,
    holder: str,
    *,
    now: float,
    expires_at: float,
    finished_before: float | None,
) -> bool:
    """Take the lease of a job; false if another holder's has not expired.

    Also false if the job finished after `finished_before`, so that of many workers that find it
    due only one does it.

    A time that no lease of now could end at, even if the clock was just set back by as long as one
    lasts, is from a clock that was ahead: the lease is over then, and the job is due.
    """
    values = {
        "name": name,
        "holder": holder,
        "now": now,
        "expires_at": expires_at,
        "finished_before": finished_before,
        "longest": expires_at + (expires_at - now),
    }
    return connection.execute(_CLAIM, values).rowcount == 1


def renew(connection: SqlConnection, name: str, holder: str, *, expires_at: float) -> bool:
    """Have the lease for longer; false if it was lost to another."""
    renewed = connection.execute(
        "UPDATE jobs SET expires_at = ? WHERE name = ? AND holder = ?", (expires_at, name, holder)
    )
    return renewed.rowcount == 1


def holders(connection: SqlConnection) -> Sequence[str]:
    """All who hold leases, be they over or not."""
    rows = connection.execute("SELECT DISTINCT holder FROM jobs WHERE holder IS NOT NULL")
    return [holder for (holder,) in rows]


def end_leases(connection: SqlConnection, holders: str = "") -> None:
    """End the leases of all holders whose names begin so."""
    connection.execute(
        "UPDATE jobs SET holder = NULL WHERE substr(holder, 1, CAST(? AS INTEGER)) = ?",
        (len(holders), holders),
    )


def end_lease(
    connection: SqlConnection, name: str, holder: str, *, finished_at: float | None
) -> None:
    """End the lease, unless it was lost; `finished_at` if the job came to its end."""
    connection.execute(
        "UPDATE jobs SET holder = NULL, finished_at = coalesce(?, finished_at)"
        " WHERE name = ? AND holder = ?",
        (finished_at, name, holder),
    )


class Jobs:
    """Jobs, and the leases of who does them. A power cut may forget what is written of them."""

    def __init__(self, database: Database) -> None:
        self.find = reading(database, find)
        self.holders = reading(database, holders)
        self.claim = writing(database, claim, durable=False)
        self.renew = writing(database, renew, durable=False)
        self.end_lease = writing(database, end_lease, durable=False)
        self.end_leases = writing(database, end_leases, durable=False)

"""Rows of jobs: what one of many workers does at a time, by a lease that ends by itself."""

from sqlite3 import Connection

from lading.ports.jobs import Job


def find(connection: Connection, name: str) -> Job | None:
    """What is known of a job that ever ran."""
    row = connection.execute(
        "SELECT holder, expires_at, started_at, finished_at FROM jobs WHERE name = ?", (name,)
    ).fetchone()
    return None if row is None else Job(*row)


def claim(
    connection: Connection,
    name: str,
    holder: str,
    now: float,
    expires_at: float,
    finished_before: float | None,
) -> bool:
    """Take the lease, if it is free and the job is due.

    A time that no lease of now could end at, even if the clock was just set back by as long as one
    lasts, is from a clock that was ahead: the lease is over then, and the job is due.
    """
    return (
        connection.execute(
            """
            INSERT INTO jobs (name, holder, expires_at, started_at)
            VALUES (:name, :holder, :expires_at, :now)
            ON CONFLICT (name) DO UPDATE SET holder = excluded.holder,
                expires_at = excluded.expires_at, started_at = excluded.started_at
            WHERE (jobs.holder IS NULL OR jobs.expires_at <= :now OR jobs.expires_at > :longest)
                AND (:finished_before IS NULL OR jobs.finished_at IS NULL
                    OR jobs.finished_at <= :finished_before OR jobs.finished_at > :longest)
            """,
            {
                "name": name,
                "holder": holder,
                "now": now,
                "expires_at": expires_at,
                "finished_before": finished_before,
                "longest": expires_at + (expires_at - now),
            },
        ).rowcount
        == 1
    )


def renew(connection: Connection, name: str, holder: str, expires_at: float) -> bool:
    """Hold the lease for longer; false if somebody else holds it."""
    return (
        connection.execute(
            "UPDATE jobs SET expires_at = ? WHERE name = ? AND holder = ?",
            (expires_at, name, holder),
        ).rowcount
        == 1
    )


def release_all(connection: Connection) -> None:
    """Let go of every lease."""
    connection.execute("UPDATE jobs SET holder = NULL")


def release(connection: Connection, name: str, holder: str, finished_at: float | None) -> None:
    """Let go of the lease, if it is still held; and remember when the job came to its end."""
    connection.execute(
        "UPDATE jobs SET holder = NULL, finished_at = coalesce(?, finished_at)"
        " WHERE name = ? AND holder = ?",
        (finished_at, name, holder),
    )

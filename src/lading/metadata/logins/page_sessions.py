"""Rows of sessions: who signed in to the pages."""

from dataclasses import dataclass

from lading.metadata import batches
from lading.metadata.attempts import Attempts
from lading.metadata.noun import attempting, reading
from lading.ports.database import Database, SqlConnection

# More than a person has browsers. Whoever signs in again and again pushes out their own.
MOST_PER_NAME = 100
# Seconds after which no session ends any more, with a day for clocks: who says that it does had one
# that was ahead.
LONGEST = 8 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class PageSession:
    """A session: somebody has signed in with a browser.

    Attributes:
        hash: of the secret that the browser has; the secret itself is kept nowhere.
        stamp: of the login; if it has another one now, the session is worth nothing.
        expires_at: when it ends by itself, in seconds since the epoch.
    """

    hash: str
    name: str
    stamp: str
    expires_at: float


def add(connection: SqlConnection, session: PageSession, *, now: float) -> None:
    """Keep a session; what ended goes, and the oldest of a name with too many."""
    connection.execute(
        "DELETE FROM sessions WHERE hash IN"
        " (SELECT hash FROM sessions WHERE expires_at <= ? OR expires_at > ? LIMIT ?)",
        (now, now + LONGEST, batches.MOST_ROWS),
    )
    connection.execute(
        "INSERT INTO sessions (hash, name, stamp, expires_at) VALUES (?, ?, ?, ?)",
        (session.hash, session.name, session.stamp, session.expires_at),
    )
    connection.execute(
        "DELETE FROM sessions WHERE hash IN (SELECT hash FROM sessions"
        " WHERE name = ? AND hash <> ? ORDER BY expires_at DESC, hash LIMIT ? OFFSET ?)",
        (session.name, session.hash, batches.MOST_ROWS, MOST_PER_NAME - 1),
    )


def find(connection: SqlConnection, hash_: str, *, now: float) -> PageSession | None:
    """A session that has not ended."""
    row = connection.execute(
        "SELECT hash, name, stamp, expires_at FROM sessions"
        " WHERE hash = ? AND expires_at > ? AND expires_at <= ?",
        (hash_, now, now + LONGEST),
    ).fetchone()
    return None if row is None else PageSession(*row)


def end(connection: SqlConnection, hash_: str) -> None:
    """End a session, if it has not ended."""
    connection.execute("DELETE FROM sessions WHERE hash = ?", (hash_,))


class PageSessions:
    """Sessions of pages, by the hashes of their secrets. A power cut may forget some."""

    def __init__(self, database: Database, attempts: Attempts) -> None:
        self.add = attempting(attempts, add)
        self.find = reading(database, find)
        self.end = attempting(attempts, end)

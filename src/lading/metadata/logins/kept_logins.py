"""Rows of kept logins: whoever has the secret of one needs no password for a while.

A session is one, of somebody who signed in to the pages, and so is a refresh token, by which a
client renews a login.
"""

import math
from dataclasses import dataclass

from lading.metadata import batches
from lading.metadata.attempts import Attempts
from lading.metadata.noun import attempting, reading
from lading.ports.database import Database, SqlConnection

# Of one name: more than a person has browsers, or machines. Whoever signs in again and again, as a
# script does, pushes out their own.
MOST_SESSIONS = 100
MOST_TOKENS = 1000
# Seconds after which no session ends any more, with a day for clocks: who says that it does had one
# that was ahead.
LONGEST_SESSION = 8 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class KeptLogin:
    """A login that is kept.

    Attributes:
        hash: of the secret that the browser or the client has; the secret itself is kept nowhere.
        stamp: of the login; if it has another one now, this one is worth nothing.
        expires_at: when it ends by itself, in seconds since the epoch.
    """

    hash: str
    name: str
    stamp: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of a kind of kept logins: how many of one name there are, and for how long."""

    table: str
    most: int
    longest: float = math.inf

    def add(self, connection: SqlConnection, login: KeptLogin, *, now: float) -> None:
        """Keep a login, or change its end; what ended goes, and the oldest of too many of a name.

        But not this one: others may end later, as the clock was ahead.
        """
        connection.execute(
            f"DELETE FROM {self.table} WHERE hash IN"
            f" (SELECT hash FROM {self.table} WHERE expires_at <= ? OR expires_at > ? LIMIT ?)",
            (now, now + self.longest, batches.MOST_ROWS),
        )
        connection.execute(
            f"INSERT INTO {self.table} (hash, name, stamp, expires_at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (hash) DO UPDATE SET expires_at = excluded.expires_at",
            (login.hash, login.name, login.stamp, login.expires_at),
        )
        connection.execute(
            f"DELETE FROM {self.table} WHERE hash IN (SELECT hash FROM {self.table}"
            " WHERE name = ? AND hash <> ? ORDER BY expires_at DESC, hash LIMIT ? OFFSET ?)",
            (login.name, login.hash, batches.MOST_ROWS, self.most - 1),
        )

    def find(self, connection: SqlConnection, hash_: str, *, now: float) -> KeptLogin | None:
        """A login that has not ended."""
        row = connection.execute(
            f"SELECT hash, name, stamp, expires_at FROM {self.table}"
            " WHERE hash = ? AND expires_at > ? AND expires_at <= ?",
            (hash_, now, now + self.longest),
        ).fetchone()
        return None if row is None else KeptLogin(*row)

    def end(self, connection: SqlConnection, hash_: str) -> None:
        """End a login, if it has not ended."""
        connection.execute(f"DELETE FROM {self.table} WHERE hash = ?", (hash_,))


class PageSessions:
    """Sessions of pages, by the hashes of their secrets. A power cut may forget some."""

    def __init__(self, database: Database, attempts: Attempts) -> None:
        rows = _Rows("sessions", MOST_SESSIONS, LONGEST_SESSION)
        self.add = attempting(attempts, rows.add)
        self.find = reading(database, rows.find)
        self.end = attempting(attempts, rows.end)


class RefreshTokens:
    """Refresh tokens, by the hashes of their secrets. A power cut may forget some."""

    def __init__(self, database: Database, attempts: Attempts) -> None:
        rows = _Rows("refresh_tokens", MOST_TOKENS)
        self.add = attempting(attempts, rows.add)
        self.find = reading(database, rows.find)

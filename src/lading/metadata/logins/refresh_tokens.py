"""Rows of refresh tokens: logins that clients may renew without a password."""

from dataclasses import dataclass

from lading.metadata import batches
from lading.metadata.attempts import Attempts
from lading.metadata.noun import attempting, reading
from lading.ports.database import Database, SqlConnection


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A login that a client may renew without its password.

    Attributes:
        hash: of the secret that the client has; the secret itself is kept nowhere.
        stamp: of the login; if it has another one now, the token is worth nothing.
    """

    hash: str
    name: str
    stamp: str
    expires_at: float


# More than a person has machines. A script that logs in again and again pushes out its own.
MOST_PER_NAME = 1000


def add(connection: SqlConnection, token: RefreshToken, *, now: float) -> None:
    """Keep a token, or change its end; what ended goes, and the oldest of a name with too many.

    But not this one: others may end later, as the clock was ahead.
    """
    connection.execute(
        "DELETE FROM refresh_tokens WHERE hash IN"
        " (SELECT hash FROM refresh_tokens WHERE expires_at <= ? LIMIT ?)",
        (now, batches.MOST_ROWS),
    )
    connection.execute(
        "INSERT INTO refresh_tokens (hash, name, stamp, expires_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (hash) DO UPDATE SET expires_at = excluded.expires_at",
        (token.hash, token.name, token.stamp, token.expires_at),
    )
    connection.execute(
        "DELETE FROM refresh_tokens WHERE hash IN (SELECT hash FROM refresh_tokens"
        " WHERE name = ? AND hash <> ? ORDER BY expires_at DESC, hash LIMIT ? OFFSET ?)",
        (token.name, token.hash, batches.MOST_ROWS, MOST_PER_NAME - 1),
    )


def find(connection: SqlConnection, hash_: str, *, now: float) -> RefreshToken | None:
    """A token that has not ended."""
    row = connection.execute(
        "SELECT hash, name, stamp, expires_at FROM refresh_tokens"
        " WHERE hash = ? AND expires_at > ?",
        (hash_, now),
    ).fetchone()
    return None if row is None else RefreshToken(*row)


class RefreshTokens:
    """Refresh tokens, by the hashes of their secrets. A power cut may forget some."""

    def __init__(self, database: Database, attempts: Attempts) -> None:
        self.add = attempting(attempts, add)
        self.find = reading(database, find)

"""Rows of refresh tokens: logins that clients may renew without a password."""

from sqlite3 import Connection

from lading.metadata import writer
from lading.ports.refresh_tokens import RefreshToken

# More than a person has machines. A script that logs in again and again pushes out its own.
MOST_PER_NAME = 1000


def add(connection: Connection, token: RefreshToken, now: float) -> None:
    """Keep a token, or change its end; what ended goes, and the oldest of a name with too many."""
    connection.execute(
        "DELETE FROM refresh_tokens WHERE hash IN"
        " (SELECT hash FROM refresh_tokens WHERE expires_at <= ? LIMIT ?)",
        (now, writer.MOST_ROWS),
    )
    connection.execute(
        "INSERT INTO refresh_tokens (hash, name, stamp, expires_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (hash) DO UPDATE SET expires_at = excluded.expires_at",
        (token.hash, token.name, token.stamp, token.expires_at),
    )
    connection.execute(
        "DELETE FROM refresh_tokens WHERE hash IN (SELECT hash FROM refresh_tokens"
        " WHERE name = ? ORDER BY expires_at DESC, hash LIMIT -1 OFFSET ?)",
        (token.name, MOST_PER_NAME),
    )


def find(connection: Connection, hash_: str, now: float) -> RefreshToken | None:
    """A token that has not ended."""
    row = connection.execute(
        "SELECT hash, name, stamp, expires_at FROM refresh_tokens"
        " WHERE hash = ? AND expires_at > ?",
        (hash_, now),
    ).fetchone()
    return None if row is None else RefreshToken(*row)

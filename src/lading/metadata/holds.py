"""Rows of holds: while one lasts, no blob is collected, as somebody copies those there are."""

from sqlite3 import Connection

from lading.ports.maintenance import LONGEST_HOLD, Hold


def place(connection: Connection, hold: Hold) -> None:
    """Hold all blobs; a second hold of that name takes the place of the first."""
    connection.execute(
        "INSERT INTO holds (name, until) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET until = excluded.until",
        (hold.name, hold.until),
    )


def release(connection: Connection, name: str) -> bool:
    """Let go; false if there is no such hold."""
    return connection.execute("DELETE FROM holds WHERE name = ?", (name,)).rowcount > 0


def last(connection: Connection, now: float) -> Hold | None:
    """The hold that lasts longest, of those that are not over."""
    row = connection.execute(
        "SELECT name, until FROM holds WHERE until > ? AND until <= ? ORDER BY until DESC LIMIT 1",
        (now, now + LONGEST_HOLD),
    ).fetchone()
    return None if row is None else Hold(*row)

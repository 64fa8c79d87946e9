"""Rows of switches: what an operator has switched on for all processes, and since when."""

from sqlite3 import Connection

from lading.ports import Change

READ_ONLY = "read-only"


def find(connection: Connection, name: str) -> Change | None:
    """Who switched it on, and when; `None` if it is off."""
    row = connection.execute("SELECT actor, at FROM switches WHERE name = ?", (name,)).fetchone()
    return None if row is None else Change(*row)


def set_(connection: Connection, name: str, change: Change | None) -> None:
    """Switch it on, unless it is already; or (`None`) off."""
    if change is None:
        connection.execute("DELETE FROM switches WHERE name = ?", (name,))
    else:
        connection.execute(
            "INSERT INTO switches (name, actor, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (name, change.actor, change.at),
        )

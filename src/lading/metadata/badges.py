"""Badges: rows of objects by which a database knows its place in an object store.

Rows that were brought to another database, or restored there, have their badge along, so that both
know the place by it. Whoever of the two goes on there takes another badge: until all is done it has
both.
"""

from collections.abc import Sequence

from lading.metadata.moving.migrations import ARRIVED, DEPARTED, RESTORED
from lading.ports.database import SqlConnection

# Instead of an upload's key: the object is the badge of the place.
_BADGE = "badge"
# Of replicas that begin at once, each waits for the one before, and finds what that has written.
_ALONE = "/*! LOCK TABLE objects IN SHARE ROW EXCLUSIVE MODE */"
_MOVES = (ARRIVED, DEPARTED, RESTORED)
_ADD = "INSERT INTO objects (key, start, size, stored_at, upload) VALUES (?, 0, 0, ?, ?)"
_KEEP_ONE = "UPDATE objects SET upload = NULL, unused_at = ? WHERE upload = ? AND key <> ?"


def badges(connection: SqlConnection) -> Sequence[str]:
    """The keys of the objects by which the database knows its place, the newest first."""
    found = connection.execute(
        "SELECT key FROM objects WHERE upload = ? ORDER BY stored_at DESC, key", (_BADGE,)
    )
    return [str(key) for (key,) in found.fetchall()]


def set_badge(connection: SqlConnection, key: str, now: float) -> str:
    """Write down the key of that object, unless there is one; returns the one that counts."""
    connection.execute(_ALONE)
    there = badges(connection)
    if there:
        return there[0]
    connection.execute(_ADD, (key, now, _BADGE))
    return key


def keep_badge(connection: SqlConnection, key: str, now: float) -> None:
    """Let the others be unused, unless one of them is being taken."""
    connection.execute(_ALONE)
    if not _has_moved(connection):
        connection.execute(_KEEP_ONE, (now, _BADGE, key))


def begin_taking(connection: SqlConnection, key: str, now: float) -> str | None:
    """Begin to take the place of a registry that came here, or went from here, for this database.

    Returns:
        The badge to take it with, of all who begin at once the same one; `None` if the registry
        never moved, or the place was taken.
    """
    connection.execute(_ALONE)
    if not _has_moved(connection):
        return None
    there = badges(connection)
    if len(there) > 1:
        return there[0]
    connection.execute(_ADD, (key, now, _BADGE))
    return key


def end_taking(connection: SqlConnection, key: str, now: float) -> None:
    """Know the place by this badge alone: nothing else is said of a move from then on."""
    connection.execute(_ALONE)
    connection.execute(_KEEP_ONE, (now, _BADGE, key))
    for note in _MOVES:
        connection.execute("DELETE FROM switches WHERE name = ?", (note,))


def _has_moved(connection: SqlConnection) -> bool:
    found = connection.execute("SELECT 1 FROM switches WHERE name IN (?, ?, ?)", _MOVES)
    return found.fetchone() is not None

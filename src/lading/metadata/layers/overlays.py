"""Rows of overlays: sums over the layers of an image, found out once and kept by their digests."""

from collections.abc import Sequence

from lading.core.digest import Digest
from lading.metadata.attempts import Attempts
from lading.metadata.noun import attempting, reading, writing
from lading.ports.database import Database, SqlConnection


def find(connection: SqlConnection, key: str) -> bytes | None:
    """The sums, as they were written; empty if they are not known yet, `None` if not asked for."""
    row = connection.execute("SELECT sums FROM overlays WHERE key = ?", (key,)).fetchone()
    return None if row is None else bytes(row[0] or b"")


def ask(connection: SqlConnection, key: str, layers: Sequence[Digest], now: float) -> None:
    """Ask for sums, which are kept for longer then."""
    connection.execute(
        """
        INSERT INTO overlays (key, layers, asked_at) VALUES (?, ?, ?)
        ON CONFLICT (key) DO UPDATE SET asked_at = excluded.asked_at
        """,
        (key, " ".join(layers), now),
    )


def next_waiting(
    connection: SqlConnection, *, newest: bool = False
) -> tuple[str, Sequence[Digest]] | None:
    """The key and layers of the sums that were asked for first, or last, and are not found yet."""
    order = "DESC" if newest else "ASC"
    row = connection.execute(
        f"SELECT key, layers FROM overlays WHERE sums IS NULL ORDER BY asked_at {order} LIMIT 1"
    ).fetchone()
    return None if row is None else (row[0], [Digest(layer) for layer in row[1].split()])


def settle(connection: SqlConnection, key: str, sums: bytes) -> None:
    """Keep the sums of an overlay."""
    connection.execute("UPDATE overlays SET sums = ? WHERE key = ?", (sums, key))


def remove(connection: SqlConnection, key: str) -> None:
    """Remove what can no longer be found out."""
    connection.execute("DELETE FROM overlays WHERE key = ?", (key,))


def remove_old(connection: SqlConnection, *, asked_before: float, most: int) -> int:
    """Remove some sums that nobody has asked for since; how many."""
    return connection.execute(
        "DELETE FROM overlays WHERE key IN"
        " (SELECT key FROM overlays WHERE asked_at < ? ORDER BY asked_at LIMIT ?)",
        (asked_before, most),
    ).rowcount


class Overlays:
    """Overlays of layers. A power cut may forget what is written of them."""

    def __init__(self, database: Database, attempts: Attempts) -> None:
        self.find = reading(database, find)
        self.ask = attempting(attempts, ask)
        self.next_waiting = reading(database, next_waiting)
        self.settle = writing(database, settle, durable=False)
        self.remove = writing(database, remove, durable=False)
        self.remove_old = writing(database, remove_old, durable=False)

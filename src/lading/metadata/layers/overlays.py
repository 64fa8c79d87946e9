"""Rows of overlays: sums over the layers of an image, found out once and kept by their digests."""

from collections.abc import Sequence

from lading.core.digest import Digest
from lading.core.names import Owner
from lading.metadata.attempts import Attempts
from lading.metadata.layers import askings
from lading.metadata.layers.askings import Wanted
from lading.metadata.noun import attempting, reading, writing
from lading.ports.database import Database, SqlConnection


def find(connection: SqlConnection, key: str, asker: Owner) -> bytes | None:
    """The sums, as they were written; empty if they are waited for, `None` if not by this asker."""
    row = connection.execute(
        """
        SELECT sums, EXISTS (SELECT 1 FROM askings
            WHERE kind = 'sums' AND asker = ? AND askings.wanted = overlays.key)
        FROM overlays WHERE key = ?
        """,
        (asker, key),
    ).fetchone()
    sums, is_asked_for = row or (None, False)
    return bytes(sums or b"") if sums is not None or is_asked_for else None


def ask(
    connection: SqlConnection, key: str, layers: Sequence[Digest], asker: Owner, now: float
) -> None:
    """Ask for sums, which are kept for longer then."""
    connection.execute(
        """
        INSERT INTO overlays (key, layers, asked_at) VALUES (?, ?, ?)
        ON CONFLICT (key) DO UPDATE SET asked_at = excluded.asked_at
        """,
        (key, " ".join(layers), now),
    )
    askings.note(connection, Wanted.SUMS, asker, [key], now)


def layers_of(connection: SqlConnection, key: str) -> Sequence[Digest]:
    """The layers of an overlay whose sums are not found yet; none if they are, or it is gone."""
    row = connection.execute(
        "SELECT layers FROM overlays WHERE key = ? AND sums IS NULL", (key,)
    ).fetchone()
    return [] if row is None else [Digest(layer) for layer in row[0].split()]


def settle(connection: SqlConnection, key: str, sums: bytes) -> None:
    """Keep the sums of an overlay."""
    connection.execute("UPDATE overlays SET sums = ? WHERE key = ?", (sums, key))
    askings.remove(connection, Wanted.SUMS, key)


def remove(connection: SqlConnection, key: str) -> None:
    """Remove what can no longer be found out."""
    connection.execute("DELETE FROM overlays WHERE key = ?", (key,))
    askings.remove(connection, Wanted.SUMS, key)


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
        self.layers_of = reading(database, layers_of)
        self.settle = writing(database, settle, durable=False)
        self.remove = writing(database, remove, durable=False)
        self.remove_old = writing(database, remove_old, durable=False)

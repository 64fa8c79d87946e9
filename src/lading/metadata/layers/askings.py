"""Rows of askings: who waits for a tree or for sums, so that each of them has a turn in turn.

A row goes when what is wanted is found. Of what was given up instead, as a layer that is gone, it
goes when its turn comes.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from lading.core.names import Owner
from lading.metadata import batches
from lading.metadata.noun import reading, writing
from lading.ports.database import Database, SqlConnection


class Wanted(StrEnum):
    """The kind of what is wanted: a tree, of a digest, or sums, by their overlay's key."""

    TREE = "tree"
    SUMS = "sums"


class Asking(NamedTuple):
    """An asking: who waits for what."""

    asker: Owner
    wanted: str


def note(
    connection: SqlConnection, kind: Wanted, asker: Owner, wanted: Sequence[str], now: float
) -> None:
    """Note that somebody waits for some of a kind, unless that is noted already."""
    connection.execute(
        """
        INSERT INTO askings (kind, asker, wanted, at)
        SELECT :kind, :asker, key, :now FROM json_each(:wanted) WHERE true
        ON CONFLICT DO NOTHING
        """,
        {"kind": kind.value, "asker": asker, "now": now, "wanted": batches.keys(wanted)},
    )


def find_next(
    connection: SqlConnection, kind: Wanted, *, after: str = "", newest: bool = False
) -> Asking | None:
    """What the next asker after one has asked for first, or last."""
    row = connection.execute(
        f"""
        SELECT asker, wanted FROM askings WHERE kind = :kind AND asker =
            (SELECT min(asker) FROM askings WHERE kind = :kind AND asker > :after)
        ORDER BY at {"DESC" if newest else "ASC"} LIMIT 1
        """,
        {"kind": kind.value, "after": after},
    ).fetchone()
    return None if row is None else Asking(Owner(row[0]), row[1])


def put_last(connection: SqlConnection, kind: Wanted, wanted: str, now: float) -> None:
    """Put something behind all else that is waited for."""
    connection.execute(
        "UPDATE askings SET at = ? WHERE kind = ? AND wanted = ?", (now, kind.value, wanted)
    )


def remove(connection: SqlConnection, kind: Wanted, wanted: str) -> None:
    """Remove all askings for something: it is found, or will not be."""
    connection.execute("DELETE FROM askings WHERE kind = ? AND wanted = ?", (kind.value, wanted))


class Askings:
    """Askings for trees and sums. A power cut may forget what is written of them."""

    def __init__(self, database: Database) -> None:
        self.find_next = reading(database, find_next)
        self.remove = writing(database, remove, durable=False)

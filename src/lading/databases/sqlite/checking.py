"""Checks of SQLite itself: what it finds to be wrong with its file."""

import sqlite3
from collections.abc import Sequence

from lading.ports.database import MAX_COMPLAINTS, SqlConnection


def complaints(connection: SqlConnection, *, thorough: bool) -> Sequence[str]:
    """The complaints of SQLite, in its own words."""
    pragma = "integrity_check" if thorough else "quick_check"
    try:
        rows = connection.execute(f"PRAGMA {pragma}({MAX_COMPLAINTS})").fetchall()
        broken = connection.execute("PRAGMA foreign_key_check").fetchmany(MAX_COMPLAINTS)
    except sqlite3.DatabaseError as error:
        return [str(error)]
    said = [text for (text,) in rows if text != "ok"]
    return [
        *said,
        *(f"a row of {table} refers to no row of {other}" for table, _, other, _ in broken),
    ]

"""Emptiness of a database, told without making or changing it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from lading.databases.sqlite import read_only


def has_nothing(database: Path) -> bool:
    """Whether nothing was ever pushed; a file that cannot be read may hold anything."""
    if not read_only.holds_bytes(database):
        return True
    try:
        with closing(read_only.connect(database)) as opened:
            if opened.execute("PRAGMA user_version").fetchone() == (0,):
                return opened.execute("SELECT 1 FROM sqlite_schema").fetchone() is None
            return opened.execute("SELECT 1 FROM repositories LIMIT 1").fetchone() is None
    except sqlite3.Error:
        return False

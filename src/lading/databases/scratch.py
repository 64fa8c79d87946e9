"""A scratch database: what one piece of work has to remember, be it more than memory should hold.

It has no name, and is in memory as long as it is small; then it is a file in the system's place for
such (TMPDIR), which nobody else sees and which is gone with whoever has it.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any

from lading.core.errors import Unavailable

# KiB of it that are kept in memory.
_CACHE = 8192


class Scratch:
    """A scratch database in SQLite, whatever the database is of which it remembers something.

    One thread at a time may use it. Its methods raise `Unavailable` if the disk has no room for it.
    """

    def __init__(self, tables: str) -> None:
        self._connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        # Nothing of it outlives the process, so that nothing is written twice, or waited for.
        self._connection.executescript(
            f"PRAGMA cache_size = -{_CACHE}; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            f" {tables}"
        )

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> Sequence[Any]:
        """Run a statement; the rows that it gives."""
        return self._run(statement, parameters).fetchall()

    def add(self, statement: str, parameters: Sequence[Any]) -> bool:
        """Run a statement that adds a row unless it is there; whether it was not."""
        return self._run(statement, parameters).rowcount > 0

    def _run(self, statement: str, parameters: Sequence[Any]) -> sqlite3.Cursor:
        try:
            return self._connection.execute(statement, parameters)
        except sqlite3.Error as error:
            raise Unavailable(f"there is no room for a file in TMPDIR: {error}") from error

"""Databases that are gone with who has them: the one in memory, and scratch databases."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lading.core.errors import Unavailable
from lading.core.typing import P, T, override
from lading.databases.sqlite.connection import connect
from lading.ports.database import Database, Function, Work

# KiB of a scratch database that are kept in memory.
_CACHE = 8192


class MemoryDatabase(Database):
    """A database of one process that is gone with it."""

    def __init__(self) -> None:
        self._connection = connect(":memory:")
        self._connection.execute("PRAGMA foreign_keys = ON")
        self._connection.migrate()

    @override
    async def read(self, work: Function[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return work(self._connection, *args, **kwargs)

    @override
    async def write(self, work: Work[T], *, durable: bool = True, alone: bool = False) -> T:
        with self._connection:  # which commits, or undoes it all
            self._connection.execute("BEGIN IMMEDIATE")
            return work(self._connection)

    @override
    async def scan(self, work: Work[T]) -> T:
        return work(self._connection)

    @override
    async def check(self, *, thorough: bool) -> Sequence[str]:
        return self._connection.check(thorough=thorough)

    @override
    async def copy_to(self, target: Path) -> None:
        self._connection.copy_to(target)

    @override
    def close(self) -> None:
        self._connection.close()


class Scratch:
    """A scratch database: what one piece of work remembers, be it more than memory should hold.

    It has no name, and is in memory as long as it is small; then it is a file in the system's place
    for such (TMPDIR), which nobody else sees. It is SQLite, whatever the database is of which it
    remembers something. One thread at a time may use it. Its methods raise `Unavailable` if the
    disk has no room for it.
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

"""The database in memory: of one process, gone with it."""

from collections.abc import Sequence
from pathlib import Path

from lading.core.typing import P, T, override
from lading.databases.sqlite.connection import connect
from lading.ports.database import Database, Function, Work


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

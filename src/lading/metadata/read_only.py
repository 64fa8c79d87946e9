"""The read-only switch: a row that says who switched it on, and when.

Every request that writes asks for it, and a read costs most right after another process has
written, as SQLite then forgets the pages that it knows: in a busy registry, always. So beside the
database there is a file while the row may be there, and whoever does not find the file need not
read. The file is made before the row and removed after it, both within a transaction, and made
again by the first who finds the row without it. A crash leaves at most a file without a row,
which is read for nothing.

Where several machines share the database there is no such file, and a worker asks once a second at
most. So it takes that long to switch it on, and whoever does waits for it: when `set` returns,
every worker knows.

That refuses requests early, and rules nothing out: one that was let in may stand still before it
commits. So what changes what clients have pushed looks at the row in that very transaction
(`IS_ON`), and whoever switches it on waits first for transactions that have looked before. When
`set` returns, a change is committed or will be refused.
"""

import asyncio
import math
import os
import time
from pathlib import Path

from lading.core.errors import ReadOnly, Unavailable
from lading.core.history import Change
from lading.core.typing import P, T
from lading.ports.database import Database, Function, SqlConnection

_NAME = "read-only"
# Seconds for which a worker may go on with what it has read, where there is no file.
STALENESS = 1.0
# Finds a row if it is on. A transaction looks before it locks anything that others wait for.
IS_ON = f"SELECT 1 FROM switches WHERE name = '{_NAME}' /*! FOR KEY SHARE */"
# What locks rows, be there some or none, has the table as well, in a mode that this one excludes,
# until its transaction ends; and has it before it looks what is there. So this waits for all who
# have looked, and all who look later find what comes of it. Who only reads, as a dump does for
# hours, has the table in another mode, which is in nobody's way.
_AWAIT_WHO_LOOKED = "/*! LOCK TABLE switches IN EXCLUSIVE MODE */"


class ReadOnlySwitch:
    """The switch that makes the registry read-only, for all processes at once.

    Args:
        hint: the file; `None` if the database is as quick to read, or on another machine.
        staleness: seconds for which what was read is good; 0 for none.
    """

    def __init__(self, database: Database, hint: Path | None, staleness: float = 0.0) -> None:
        self._database = database
        self._hint = hint
        self._is_compared = False
        self._staleness = staleness
        self._read_at = -math.inf
        self._read: Change | None = None

    async def find(self) -> Change | None:
        """The change that made the registry read-only; `None` if it is not."""
        now = time.monotonic()
        if now - self._read_at >= self._staleness:
            read = await self.look()
            if now >= self._read_at:  # else one that began later has come first, and knows more
                self._read, self._read_at = read, now  # before it was read
        return self._read

    async def look(self) -> Change | None:
        """As `find`, as it is at this moment."""
        # Other calls say by an exception that it is not there, for each request that writes.
        if self._hint is None or not self._is_compared or os.access(self._hint, os.F_OK):
            change = await self._database.read(find_switch, _NAME)
            self._compare(change)
            return change
        return None

    def _compare(self, change: Change | None) -> None:
        """See to it, once, that the file is there if the row is."""
        if self._hint is not None and not self._is_compared and change is not None:
            try:
                self._hint.touch()
            except OSError:  # no room for it, or the disk is read-only itself
                self._hint = None
        self._is_compared = True

    async def set(self, change: Change | None) -> None:
        """Switch it on, unless it is already; or (`None`) off. Every worker knows in the end.

        Raises:
            Unavailable: it cannot be switched, as a change that began before stands still, say.
        """
        if change is None:
            await self._database.write(lambda connection: switch_off(connection, _NAME))
            await self._database.write(self._remove_hint, durable=False)
        else:
            await self._database.write(lambda connection: self._add(connection, change))
        await asyncio.sleep(self._staleness)

    def _add(self, connection: SqlConnection, change: Change) -> None:
        if self._hint is not None:
            try:
                self._hint.touch()
            except OSError as error:
                raise Unavailable(f"{self._hint} cannot be made: {error.strerror}") from error
        connection.execute(_AWAIT_WHO_LOOKED)
        switch_on(connection, _NAME, change)

    def _remove_hint(self, connection: SqlConnection) -> None:
        """Remove the hint in a transaction, so that nobody switches it on meanwhile."""
        if self._hint is not None and find_switch(connection, _NAME) is None:
            try:
                self._hint.unlink(missing_ok=True)
            except OSError as error:
                raise Unavailable(f"{self._hint} cannot be removed: {error.strerror}") from error


def require_off(found: object) -> None:
    """Raise `ReadOnly` if `IS_ON` has found something."""
    if found:
        raise ReadOnly


def if_writable(work: Function[P, T]) -> Function[P, T]:
    """A function of a connection that does what another one does, or raises `ReadOnly`."""

    def look_first(connection: SqlConnection, /, *args: P.args, **kwargs: P.kwargs) -> T:
        require_off(connection.execute(IS_ON).fetchone())
        return work(connection, *args, **kwargs)

    return look_first


def find_switch(connection: SqlConnection, name: str) -> Change | None:
    """Who switched something on, and when; `None` if it is off."""
    row = connection.execute("SELECT actor, at FROM switches WHERE name = ?", (name,)).fetchone()
    return None if row is None else Change(*row)


def switch_on(connection: SqlConnection, name: str, change: Change) -> None:
    """Switch something on, unless it is."""
    connection.execute(
        "INSERT INTO switches (name, actor, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (name, change.actor, change.at),
    )


def switch_off(connection: SqlConnection, name: str) -> None:
    """Switch something off."""
    connection.execute("DELETE FROM switches WHERE name = ?", (name,))

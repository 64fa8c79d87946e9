"""The circuit breaker of reads on the event loop: they are refused while there are no locks.

A read locks the index of the log. Where that fails (ENOLCK: the kernel is short of memory, or a
file system has lost its locks), SQLite tries it for ten seconds, in which a loop does nothing else.
So it does once; from then on reads are refused at once, until a try in a thread succeeds.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import suppress

from lading.core.errors import RegistryError
from lading.databases.sqlite.connection import kind_of
from lading.ports.database import unusable

log = logging.getLogger(__name__)

# Seconds between two tries.
RETRY = 1.0


class ReadBreaker:
    """The circuit breaker of one reader.

    Args:
        attempt: reads something, beside the event loop.

    Attributes:
        is_broken: whether reads are refused.
    """

    def __init__(self, attempt: Callable[[], Awaitable[object]]) -> None:
        self.is_broken = False
        self._attempt = attempt
        self._mending: asyncio.Task[None] | None = None

    def note(self, error: sqlite3.DatabaseError) -> None:
        """Refuse reads from now on, if that is why one failed."""
        if kind_of(error) == sqlite3.SQLITE_PROTOCOL and not self.is_broken:
            log.error("the database cannot be read, as the system gives no locks for its files")
            self.is_broken = True

    def require_whole(self) -> None:
        """Raise `Unavailable` if reads are refused."""
        if not self.is_broken:
            return
        if self._mending is None or self._mending.done():
            self._mending = asyncio.create_task(self._mend())
        raise unusable()

    async def _mend(self) -> None:
        with suppress(RegistryError):
            await self._attempt()
            log.warning("the database can be read again")
            self.is_broken = False
            return
        await asyncio.sleep(RETRY)

"""Writes that an answer is better with, and can do without: promises, refresh tokens.

Who reads does not wait for a disk that cannot be written to, nor for another process that writes
for long. Such a write is tried for a moment; one that has not begun by then is never done, as what
it was to say may not be true any more.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from lading.core.errors import RegistryError, StorageFull, Unavailable
from lading.core.typing import T
from lading.ports.database import Database, SqlConnection, Work, busy

# Seconds for which a write is tried: a commit takes a hundredth of it on a slow disk.
MOMENT = 0.5
# Seconds after one that failed in which none is tried: it would wait for the same.
PAUSE = 2.0
# Writes that may be waiting.
MOST = 1024


class Attempts:
    """Attempts to write, each for a moment."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: set[asyncio.Task[object]] = set()
        self._not_before = 0.0

    async def write(self, work: Work[T]) -> T:
        """Run `work` in a transaction that a power cut may undo: in a moment, or not at all."""
        return await self._attempt(work, partial(self._database.write, durable=False))

    async def promise(self, work: Work[bool]) -> bool:
        """Write down a promise; false if what it is about is not there any more.

        A power cut may forget it (a process crash may not). If it cannot be written down in a
        moment there is none, as those who only pull ask for it, too.

        Args:
            work: one statement that may be run twice; see `Database.write_once`.
        """
        try:
            return await self._attempt(work, self._database.write_once)
        except (StorageFull, Unavailable):
            return True

    async def _attempt(
        self, work: Work[T], write: Callable[[Work[T]], Coroutine[Any, Any, T]]
    ) -> T:
        if time.monotonic() < self._not_before or len(self._waiting) >= MOST:
            raise busy()
        given_up = False

        def unless_given_up(connection: SqlConnection) -> T:
            if given_up:
                raise busy()
            return work(connection)

        writing = asyncio.ensure_future(write(unless_given_up))
        self._waiting.add(writing)
        writing.add_done_callback(self._is_over)
        try:
            await asyncio.wait([writing], timeout=MOMENT)
        finally:  # whoever waited may be cancelled, too
            given_up = True
        if not writing.done():
            self._not_before = time.monotonic() + PAUSE
            raise busy()
        return writing.result()

    def _is_over(self, writing: "asyncio.Task[object]") -> None:
        self._waiting.discard(writing)
        if not writing.cancelled() and isinstance(writing.exception(), RegistryError):
            self._not_before = time.monotonic() + PAUSE

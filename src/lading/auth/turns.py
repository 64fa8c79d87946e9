"""Turns: who is next where few at a time can be served, and anybody can ask.

Who is known comes before who is not, and that before who was wrong just now. Each has room of its
own to wait, so a crowd of strangers takes nothing from those who are known.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import IntEnum

from lading.core.errors import Unavailable


class Standing(IntEnum):
    """How much is known for somebody; the least number comes first."""

    KNOWN = 0
    STRANGER = 1
    SUSPECT = 2


class Turns:
    """Turns of one event loop: a few at a time go on, the others wait.

    Args:
        at_once: how many.
        room: how many of each standing may wait.
    """

    def __init__(self, at_once: int, room: int) -> None:
        self._free = at_once
        self._room = room
        self._waiting: list[deque[asyncio.Future[None]]] = [deque() for _ in Standing]

    @asynccontextmanager
    async def take(self, standing: Standing) -> AsyncIterator[None]:
        """Wait for a turn; it is over with the block.

        Raises:
            Unavailable: too many of that standing wait already.
        """
        await self._begin(standing)
        try:
            yield
        finally:
            self._end()

    async def _begin(self, standing: Standing) -> None:
        if self._free:
            self._free -= 1
            return
        waiting = self._waiting[standing]
        if len(waiting) >= self._room:
            raise Unavailable("too many logins are being checked; try again soon")
        turn = asyncio.get_running_loop().create_future()
        waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                waiting.remove(turn)
            else:  # it had come just then
                self._end()
            raise

    def _end(self) -> None:
        """Give the turn to whoever is next."""
        for waiting in self._waiting:
            if waiting:
                waiting.popleft().set_result(None)
                return
        self._free += 1

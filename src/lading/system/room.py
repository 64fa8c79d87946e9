"""Room: what there is little of, taken for a while and given back; as a budget, or in turns.

In turns, each client waits behind itself: who asks for a thousand things has the room of one when
others want some, and they wait for no more than one thing of each client.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass


class Budget:
    """Bytes that can be taken, and are given back."""

    def __init__(self, size: int) -> None:
        self._left = size

    def has(self, size: int) -> bool:
        """Whether so many bytes are there."""
        return size <= self._left

    def take(self, size: int) -> bool:
        """Take so many bytes, if they are there."""
        if not self.has(size):
            return False
        self._left -= size
        return True

    def overdraw(self, size: int) -> None:
        """Take so many bytes in any case: others get nothing until they are given back."""
        self._left -= size

    def give_back(self, size: int) -> None:
        """Give so many bytes back, for others."""
        self._left += size


@dataclass(frozen=True, slots=True)
class _WantedRoom:
    """Some room that is waited for."""

    size: int
    entered: "asyncio.Future[None]"


class ClientTurns:
    """Room that clients take in turn.

    Args:
        room: how much there is.
        each: how much of it one client may have; as much as there is unless given.
    """

    def __init__(self, room: int, each: int | None = None) -> None:
        self._room = self._left = room
        self._each = each or room
        self._taken: Counter[str] = Counter()
        # Of each client what it asked for first; the client whose turn is next comes first.
        self._waiting: dict[str, deque[_WantedRoom]] = {}

    @property
    def is_idle(self) -> bool:
        """Whether nobody has any of it."""
        return self._left == self._room

    @asynccontextmanager
    async def take(self, client: str, size: int = 1) -> AsyncIterator[None]:
        """Wait for some of it, for the length of a block; what is more than all of it is all."""
        size = min(size, self._each)
        await self._enter(client, size)
        try:
            yield
        finally:
            self._leave(client, size)

    async def _enter(self, client: str, size: int) -> None:
        wanted = _WantedRoom(size, asyncio.get_running_loop().create_future())
        self._waiting.setdefault(client, deque()).append(wanted)
        self._let_in()
        try:
            await wanted.entered
        except asyncio.CancelledError:
            if wanted.entered.done() and not wanted.entered.cancelled():  # let in at that moment
                self._leave(client, size)
            else:
                self._let_in()
            raise

    def _leave(self, client: str, size: int) -> None:
        self._left += size
        self._taken[client] -= size
        if not self._taken[client]:
            del self._taken[client]
        self._let_in()

    def _let_in(self) -> None:
        """Let in whoever is next, as long as there is room; who wants much is not passed over."""
        while (client := self._next()) is not None:
            waiting = self._waiting[client]
            if waiting[0].size > self._left:
                return
            wanted = waiting.popleft()
            del self._waiting[client]
            if waiting:  # behind all others
                self._waiting[client] = waiting
            self._left -= wanted.size
            self._taken[client] += wanted.size
            wanted.entered.set_result(None)

    def _next(self) -> str | None:
        """The next client that waits, and may have more."""
        for client, waiting in list(self._waiting.items()):
            while waiting and waiting[0].entered.done():  # it has given up
                waiting.popleft()
            if not waiting:
                del self._waiting[client]
            elif self._taken[client] + waiting[0].size <= self._each:
                return client
        return None

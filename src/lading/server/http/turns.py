"""Turns in which large answers leave: what is sent to all clients in one is bounded.

To hand a piece to the kernel never waits while a client has room for it, so each piece is followed
by a turn of the loop for others. But if a hundred clients take a piece each in every turn, a small
answer waits for a hundred pieces.
"""

import asyncio
from collections import deque

# Bytes that are sent in a turn, out of memory: less than a millisecond of work.
TURN = 512 * 1024
# The same out of files, which the kernel sends: of those it is as little work. With a single piece
# they would be the slowest of all requests in a busy moment, when dozens of small ones are answered
# before each turn.
FILE_TURN = 2 * 1024 * 1024
# Bytes that need no turn: many requests are answered with less.
SMALL = 32 * 1024


class SendingTurns:
    """The turns of a worker's event loop, in which those who send much take part one by one.

    Args:
        size: bytes that are sent in a turn; the last of those who take part may bring more.
    """

    def __init__(self, size: int) -> None:
        self._size = self._left = size
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._is_ending = False

    async def take(self, size: int) -> None:
        """Wait for a turn with room for so many bytes, which are then sent at once."""
        if self._left > 0 and not self._waiting:
            self._left -= size
            self._end_soon()
            return
        entered = asyncio.get_running_loop().create_future()
        self._waiting.append((size, entered))
        await entered

    def _end_soon(self) -> None:
        if not self._is_ending:
            self._is_ending = True
            asyncio.get_running_loop().call_soon(self._end)

    def _end(self) -> None:
        """Begin the next turn with those who have waited longest."""
        self._left, self._is_ending = self._size, False
        while self._waiting and self._left > 0:
            size, entered = self._waiting.popleft()
            if not entered.done():  # it is when a client has left
                entered.set_result(None)
                self._left -= size
        if self._left < self._size:
            self._end_soon()

"""Reading the body of a request: that of a blob never more at once than a few pieces."""

import mmap
from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import ClassVar

from lading.api.asgi import Receive
from lading.core.digest import Bytes

# Bytes handed on at once: large enough that a hop to a thread costs little beside hashing and
# writing them, small enough that dozens of uploads fit into memory.
PIECE = 1024 * 1024
# Pieces of one body: one arrives, one waits, one is hashed and written.
BUFFERS = 3
# Bytes of a process that go into pieces of that size: enough for more pushes than cores can hash at
# once. Who comes when it is spent has its body cut into small pieces, and takes longer.
BUDGET = 48 * 1024 * 1024
SMALL_PIECE = 64 * 1024


class ClientDisconnected(Exception):
    """The client went away in the middle of its request; there is no one to answer."""


class Buffers:
    """Memory for pieces: while one is filled, the two before it are still worked on.

    It is of whole pages, from which a disk can be written. The kernel gives it when it is written
    to: a client that stops early, or stands still, takes no more of it than it has sent.

    Attributes:
        size: bytes of each.
    """

    # Bytes that the bodies of this process may take now.
    _taken: ClassVar[int] = 0

    def __init__(self, size: int) -> None:
        self.size = size
        self._made: deque[memoryview] = deque()
        Buffers._taken += BUFFERS * size

    def __del__(self) -> None:
        """Let others have the memory."""
        Buffers._taken -= BUFFERS * self.size

    @classmethod
    def if_affordable(cls, size: int) -> "Buffers | None":
        """Buffers, unless many others have some: clients that stand still keep theirs."""
        return cls(size) if cls._taken + BUFFERS * size <= BUDGET else None

    def turn(self) -> memoryview:
        """The next one to be filled."""
        if len(self._made) < BUFFERS:
            self._made.append(new_buffer(self.size))
        else:
            self._made.rotate(-1)
        return self._made[-1]


def new_buffer(size: int) -> memoryview:
    """Memory of whole pages."""
    return memoryview(mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))


async def read_pieces(receive: Receive) -> AsyncIterator[Bytes]:
    """The body in pieces of `PIECE` bytes, the last one of fewer; all smaller in a busy moment.

    A piece may be overwritten when the second one after it is asked for.

    Raises:
        ClientDisconnected: the body ends early; what arrived was yielded before.
    """
    pieces = _Pieces()
    more = True
    while more:
        message = await receive()
        gone = message["type"] == "http.disconnect"
        more = message.get("more_body", False)
        data: Bytes = message.get("body", b"")
        for piece in pieces.add(data, last=not more):
            yield piece
        del message, data  # or it is kept while the client takes its time over the next
        if gone:
            raise ClientDisconnected


class _Pieces:
    """Puts together what arrives; what is a piece already is not copied."""

    def __init__(self) -> None:
        self._buffers: Buffers | None = None
        self._filling: memoryview | None = None
        self._filled = 0

    def add(self, data: Bytes, *, last: bool) -> Iterator[Bytes]:
        if not self._filled and (len(data) == PIECE or (last and len(data) < PIECE)):
            if data:
                yield data
            return
        rest = memoryview(data)
        while rest:
            filling = self._filling or self._begin()
            part = rest[: len(filling) - self._filled]
            filling[self._filled : self._filled + len(part)] = part
            self._filled, rest = self._filled + len(part), rest[len(part) :]
            if self._filled == len(filling):
                yield self._take(filling)
        if last and self._filling:
            yield self._take(self._filling)

    def _begin(self) -> memoryview:
        if self._buffers is None:
            self._buffers = Buffers.if_affordable(PIECE) or Buffers(SMALL_PIECE)
        self._filling = self._buffers.turn()
        return self._filling

    def _take(self, filling: memoryview) -> memoryview:
        piece = filling[: self._filled]
        self._filling, self._filled = None, 0
        return piece


async def skip_body(receive: Receive) -> None:
    """Wait for the end of a request whose body means nothing, before anything is changed for it.

    Raises:
        ClientDisconnected: what came is not a whole request.
    """
    async for _ in read_pieces(receive):
        pass


async def read_bounded(receive: Receive, limit: int, length: int | None) -> bytes | None:
    """The whole body; `None` if it has more than `limit` bytes, or says so.

    Raises:
        ClientDisconnected: the body ends early.
    """
    body = bytearray()
    if length is None or length <= limit:
        async for piece in read_pieces(receive):
            body += piece
            if len(body) > limit:
                break
        else:
            return bytes(body)
    return None

"""Reading the body of a request, never more of it at once than a piece."""

import mmap
from collections import deque
from collections.abc import AsyncIterator, Iterator

from lading.api.asgi import Receive
from lading.core.digest import Bytes

# Bytes handed on at once: large enough that a hop to a thread costs little beside hashing and
# writing them, small enough that dozens of uploads fit into memory.
PIECE = 1024 * 1024
# Pieces of one body: one arrives, one waits, one is hashed and written.
BUFFERS = 3


class ClientDisconnected(Exception):
    """The client went away in the middle of its request; there is no one to answer."""


class Buffers:
    """Memory for pieces: while one is filled, the two before it are still worked on.

    It is of whole pages, from which a disk can be written. The kernel gives it when it is written
    to: a client that stops early, or stands still, takes no more of it than it has sent.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._made: deque[memoryview] = deque()

    def turn(self) -> memoryview:
        """The next one to be filled."""
        if len(self._made) < BUFFERS:
            self._made.append(new_buffer(self._size))
        else:
            self._made.rotate(-1)
        return self._made[-1]


def new_buffer(size: int) -> memoryview:
    """Memory of whole pages."""
    return memoryview(mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))


async def read_pieces(receive: Receive) -> AsyncIterator[Bytes]:
    """The body in pieces of `PIECE` bytes, the last one of fewer.

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
        if gone:
            raise ClientDisconnected


class _Pieces:
    """Puts together what arrives; what is a piece already is not copied."""

    def __init__(self) -> None:
        self._buffers = Buffers(PIECE)
        self._filling: memoryview | None = None
        self._filled = 0

    def add(self, data: Bytes, *, last: bool) -> Iterator[Bytes]:
        if not self._filled and (len(data) == PIECE or (last and len(data) < PIECE)):
            if data:
                yield data
            return
        rest = memoryview(data)
        while rest:
            rest = rest[self._keep(rest) :]
            if self._filled == PIECE:
                yield self._take()
        if last and self._filled:
            yield self._take()

    def _keep(self, data: memoryview) -> int:
        """Keep what there is room for; how many bytes."""
        if self._filling is None:
            self._filling = self._buffers.turn()
        part = data[: PIECE - self._filled]
        self._filling[self._filled : self._filled + len(part)] = part
        self._filled += len(part)
        return len(part)

    def _take(self) -> memoryview:
        assert self._filling is not None
        piece = self._filling[: self._filled]
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

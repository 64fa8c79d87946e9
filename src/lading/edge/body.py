"""Bodies of requests, as they are read: that of a blob never more at once than a few pieces."""

import ctypes
import mmap
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, suppress

from lading.core.digest import Bytes
from lading.edge.asgi import UNHURRIED, Receive
from lading.edge.budget import BodyBudgets
from lading.edge.limits import client_of
from lading.edge.request import Request
from lading.edge.spool import Spool
from lading.system.room import Budget

# Bytes handed on at once: large enough that a hop to a thread costs little beside hashing and
# writing them, small enough that dozens of uploads fit into memory.
PIECE = 1024 * 1024
# Pieces of one body: one arrives, one waits, one is hashed and written.
BUFFERS = 3
# Of these, with the first one, which is of small pages.
MADE = BUFFERS + 1
HUGE_PAGE = 2 * 1024 * 1024
SMALL_PIECE = 64 * 1024


class ClientDisconnected(Exception):
    """The client went away in the middle of its request; there is no one to answer."""


class Buffers:
    """Memory for pieces: while one is filled, the two before it are still worked on.

    It is of whole pages, from which a disk can be written. The kernel gives it when it is written
    to: a client that stops early, or stands still, takes no more of it than it has sent of its
    first piece. Those after it are in huge pages.

    Args:
        size: bytes of each.
        memory: that they are taken of.
    """

    def __init__(self, size: int, memory: Budget) -> None:
        self.size = size
        self._memory = memory
        self._made: deque[memoryview] = deque()
        memory.overdraw(MADE * size)

    def __del__(self) -> None:
        """Give the memory back, for others."""
        self._memory.give_back(MADE * self.size)

    @classmethod
    def if_affordable(cls, size: int, memory: Budget) -> "Buffers | None":
        """Buffers, unless many others have some: clients that stand still keep theirs."""
        return cls(size, memory) if memory.has(MADE * size) else None

    def turn(self) -> memoryview:
        """The next buffer to be filled."""
        if len(self._made) == BUFFERS:
            self._made.rotate(-1)
        elif self._made and self.size >= PIECE:
            self._made = deque(_in_huge_pages(self.size))
        else:
            self._made.append(new_buffer(self.size))
        return self._made[-1]


def new_buffer(size: int) -> memoryview:
    """Memory of whole pages."""
    return memoryview(_memory(size))


def _in_huge_pages(size: int) -> list[memoryview]:
    """Buffers for the rest of a body, side by side.

    A disk takes a piece from memory that lies together in one request instead of several, which is
    up to twice as fast, and the kernel has fewer pages to look up. Where it has no huge pages (see
    madvise(2)), they are small ones.
    """
    memory = _memory(BUFFERS * size + HUGE_PAGE)
    with suppress(OSError):
        memory.madvise(mmap.MADV_HUGEPAGE)
    whole = memoryview(memory)
    start = -ctypes.addressof(ctypes.c_char.from_buffer(whole)) % HUGE_PAGE
    return [whole[start + n * size : start + (n + 1) * size] for n in range(BUFFERS)]


def _memory(size: int) -> mmap.mmap:
    return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


async def read_pieces(receive: Receive, memory: Budget) -> AsyncIterator[Bytes]:
    """The body in pieces of `PIECE` bytes, the last one of fewer; all smaller in a busy moment.

    A piece may be overwritten when the second one after it is asked for.

    Raises:
        ClientDisconnected: the body ends early; what arrived was yielded before.
    """
    pieces = _Pieces(memory)
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
    """Pieces of a body, put together of what arrives; what is a piece already is not copied."""

    def __init__(self, memory: Budget) -> None:
        self._memory = memory
        self._buffers: Buffers | None = None
        self._is_small = False
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
        if self._buffers is None and not self._is_small:
            self._buffers = Buffers.if_affordable(PIECE, self._memory)
            self._is_small = self._buffers is None
        # Small ones do not take turns: one that is done is gone, whatever the client does next.
        self._filling = (
            memoryview(bytearray(SMALL_PIECE)) if self._buffers is None else self._buffers.turn()
        )
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
    while (message := await receive()).get("more_body", False):
        pass
    if message["type"] == "http.disconnect":
        raise ClientDisconnected


@asynccontextmanager
async def whole_body(
    request: Request, limit: int, budgets: BodyBudgets
) -> AsyncIterator[bytes | None]:
    """The whole body, for the length of the block; `None` if it has more than `limit` bytes.

    Args:
        limit: bytes that it may have.
        budgets: that it takes of until it is complete, and while it is worked on.

    Raises:
        ClientDisconnected: the body ends early.
        StorageFull, Unavailable: there is neither memory nor room on the disk for it.
    """
    receive, length = request.receive, request.content_length
    if length is not None and length > limit:
        yield None
        return
    request.scope[UNHURRIED] = True
    message = await receive()
    if not message.get("more_body", False) and len(message.get("body", b"")) <= SMALL_PIECE:
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        body = bytes(message.get("body", b""))
        yield body if len(body) <= limit else None
        return
    with closing(Spool(budgets)) as spool:
        client, more = client_of(request.address), True
        while more and spool.size <= limit:
            if message["type"] == "http.disconnect":
                raise ClientDisconnected
            more = message.get("more_body", False)
            size = len(message.get("body", b""))
            await spool.append(message.get("body", b""))
            del message  # or it is kept while the client takes its time over the next
            if more:
                await budgets.pace.keep(client, size)
                message = await receive()
        if spool.size > limit:
            yield None
            return
        async with budgets.work.take(client, spool.size):
            yield await spool.read()

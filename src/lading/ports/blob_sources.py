"""Where the bytes of a blob are, and how to get at them. How they leave is for the edge to decide.

Another place is one more class here, and one more arm of `BlobSource`; the type checker then says
what `lading.edge.send` has to do.
"""

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from lading.core.digest import Bytes
from lading.core.errors import Unavailable
from lading.ports.object_sources import Chunks
from lading.system.disk_errors import advised

log = logging.getLogger(__name__)

# Bytes of a file that are read at once.
PIECE_OF_FILE = 128 * 1024
# Bytes of memory that are handed out at once.
PIECE = 64 * 1024


class OpenFile:
    """An open file, which is closed when it is exited.

    What is cached is read on the event loop, in a thread what the disk must bring.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __enter__(self) -> "OpenFile":
        return self

    def __exit__(self, *_: object) -> None:
        if os.fstat(self.descriptor).st_nlink:
            os.close(self.descriptor)
        else:  # what has no name any more is freed now, and that of a large file takes a while
            asyncio.get_running_loop().run_in_executor(None, os.close, self.descriptor)

    async def read(self, start: int, size: int) -> bytearray:
        """So many bytes of the file.

        Raises:
            OSError: they cannot be read, or the file ends before.
        """
        buffer = bytearray(size)
        try:
            count = os.preadv(self.descriptor, [buffer], start, os.RWF_NOWAIT)
        except OSError:  # not cached, or a file system that cannot tell
            count = 0
        while count < size:
            rest = memoryview(buffer)[count:]
            more = await asyncio.to_thread(os.preadv, self.descriptor, [rest], start + count)
            if more == 0:
                raise OSError("a file is shorter than it was")
            count += more
        return buffer

    async def pieces(self, start: int, size: int) -> AsyncGenerator[bytearray, None]:
        """So many bytes of the file, a piece at a time.

        Raises:
            OSError: see `read`.
        """
        for position in range(start, start + size, PIECE_OF_FILE):
            yield await self.read(position, min(PIECE_OF_FILE, start + size - position))


class OpenSource(Protocol):
    """The bytes of a blob, open for reading.

    Attributes:
        descriptor: of the file that has them, if there is one: a server may send it by itself.
    """

    @property
    def descriptor(self) -> int | None:
        """The file's descriptor; `None` if the bytes are in no file."""

    async def read(self, start: int, size: int) -> Bytes:
        """So many bytes, which are to fit into memory.

        Raises:
            OSError: they cannot be read.
        """

    def pieces(self, start: int, size: int) -> AsyncGenerator[Bytes, None]:
        """Some of the bytes, piece by piece.

        Raises:
            OSError: as `read`.
        """


@dataclass(frozen=True, slots=True)
class LocalFile:
    """The bytes are a file of this machine.

    Attributes:
        key: its path below the root of all blobs, with `/` between parts, for servers that see
            the same files.
        size: how many bytes it has; files at one path are the same whatever their size.
    """

    path: str
    key: str
    size: int = field(default=0, compare=False)

    def open(self) -> OpenFile:
        """Open the file, to be closed at the end of a block.

        Raises:
            Unavailable: it cannot be opened.
        """
        try:
            # A named pipe would be waited for; so, it is an error to read at a position of it.
            return OpenFile(os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
        except OSError as error:
            log.warning("a blob cannot be read: %s", advised(error))
            raise Unavailable("the blob cannot be read; the registry's log says why") from error


@dataclass(frozen=True, slots=True)
class InMemory:
    """The bytes are at hand."""

    descriptor: ClassVar[None] = None
    data: bytes

    @property
    def size(self) -> int:
        """The number of bytes of the blob."""
        return len(self.data)

    def open(self) -> "InMemory":
        """The bytes themselves: nothing has to be opened."""
        return self

    def __enter__(self) -> "InMemory":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    async def read(self, start: int, size: int) -> bytes:
        """So many of the bytes."""
        return self.data[start : start + size]

    async def pieces(self, start: int, size: int) -> AsyncGenerator[bytes, None]:
        """So many of the bytes; no piece keeps more than itself in memory."""
        for position in range(start, start + size, PIECE):
            yield self.data[position : min(position + PIECE, start + size)]


BlobSource = LocalFile | InMemory | Chunks
"""Where the bytes of a blob are."""


@asynccontextmanager
async def all_bytes(source: BlobSource) -> AsyncIterator[AsyncGenerator[Bytes, None]]:
    """All bytes of a blob, piece by piece, for the length of a block."""
    with source.open() as opened:
        async with aclosing(opened.pieces(0, source.size)) as pieces:
            yield pieces

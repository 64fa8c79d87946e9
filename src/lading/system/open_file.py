"""Files that are read: on the event loop what is cached, in a thread what the disk must bring."""

import asyncio
import os
from collections.abc import AsyncIterator
from types import TracebackType

# Bytes that are read at once.
PIECE = 128 * 1024


class OpenFile:
    """A file that is open for reading as long as it is entered.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self.descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __enter__(self) -> "OpenFile":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self.descriptor)

    async def read(self, start: int, size: int) -> bytearray:
        """So many bytes, see `read`."""
        return await read(self.descriptor, start, size)

    def pieces(self, start: int, size: int) -> AsyncIterator[bytearray]:
        """So many bytes, however many, see `read_pieces`."""
        return read_pieces(self.descriptor, start, size)


async def read(descriptor: int, start: int, size: int) -> bytearray:
    """So many bytes of a file.

    Raises:
        OSError: they cannot be read, or the file ends before.
    """
    buffer = bytearray(size)
    try:
        count = os.preadv(descriptor, [buffer], start, os.RWF_NOWAIT)
    except OSError:  # not cached, or a file system that cannot tell
        count = 0
    while count < size:
        rest = memoryview(buffer)[count:]
        more = await asyncio.to_thread(os.preadv, descriptor, [rest], start + count)
        if more == 0:
            raise OSError("a file is shorter than it was")
        count += more
    return buffer


async def read_pieces(descriptor: int, start: int, size: int) -> AsyncIterator[bytearray]:
    """So many bytes of a file, a piece at a time.

    Raises:
        OSError: see `read`.
    """
    for position in range(start, start + size, PIECE):
        yield await read(descriptor, position, min(PIECE, start + size - position))

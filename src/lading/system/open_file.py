"""Files that are read: on the event loop what is cached, in a thread what the disk must bring."""

import asyncio
import os
from collections.abc import AsyncIterator

# Bytes that are read at once.
PIECE = 128 * 1024


class OpenFile:
    """An open file, which is closed when it is exited.

    Attributes:
        descriptor: the operating system's.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __enter__(self) -> "OpenFile":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)

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

    async def pieces(self, start: int, size: int) -> AsyncIterator[bytearray]:
        """So many bytes of the file, a piece at a time.

        Raises:
            OSError: see `read`.
        """
        for position in range(start, start + size, PIECE):
            yield await self.read(position, min(PIECE, start + size - position))


def open_file(path: str) -> OpenFile:
    """Open a file for reading.

    Raises:
        OSError: it cannot be opened.
    """
    return OpenFile(os.open(path, os.O_RDONLY | os.O_CLOEXEC))

"""Large pieces of an upload on their way: past the page cache, written and hashed side by side.

Writing and hashing take about as long, and a core each. When a piece is done, the next one waits
behind it already: neither disk nor core stands still until the event loop has heard of it.

Through the page cache, which `O_DIRECT` goes past (open(2)), each byte of a large layer is copied
once more; it takes the place of what others pull; and when the layer is complete it is all written
at once, while its client waits, and whoever else has something to sync. Past it, a piece goes to
the disk from where it arrived, while the next one arrives.

That wants memory, a length and an offset that are multiples of what the disk reads and writes at
once. What is not, and everything on a file system that cannot do it, takes the usual way.
"""

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lading.blobs.disk import Disk
from lading.system.threads import Lane, Pending

# No disk reads or writes more at once, nor is a page of memory smaller.
BLOCK = 4096
# Bytes from which it pays. Blobs of fewer are likely to be pulled next, and stay in memory.
LARGE = 512 * 1024
_CANNOT = frozenset({errno.EINVAL, errno.ENOTSUP})


def write(descriptor: int, data: memoryview, offset: int) -> int:
    """Write as `os.pwrite` does; how many bytes were written, which may be fewer."""
    if len(data) >= LARGE and len(data) % BLOCK == 0 and offset % BLOCK == 0:
        try:
            with _past_the_cache(descriptor):
                return os.pwrite(descriptor, data, offset)
        except OSError as error:
            if error.errno not in _CANNOT:
                raise
    return os.pwrite(descriptor, data, offset)


@contextmanager
def _past_the_cache(descriptor: int) -> Iterator[None]:
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_DIRECT)
    try:
        yield
    finally:
        fcntl.fcntl(descriptor, fcntl.F_SETFL, flags)


Work = Callable[[], None]


class AppendPipeline:
    """The pieces of one upload that are under way, worked on in the order in which they come."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        # To write in and to hash in, from the first large piece on: most uploads have none.
        self._lanes: tuple[Lane, Lane] | None = None
        self._last: tuple[Pending[None], Pending[None]] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is under way."""
        return self._last is None

    async def add(self, write: Work, hash_: Work) -> None:
        """Begin with a piece, and wait for the one before, or for what went wrong with that."""
        before = self._last
        self._lanes = self._lanes or (self._disk.lane(), self._disk.lane())
        writing, hashing = self._lanes
        # Writing is begun first: it soon waits for the disk, and leaves its core to the hash.
        self._last = writing.start(write), hashing.start(hash_)
        await _over(before)

    async def drain(self) -> None:
        """Wait for the last piece, or for what went wrong with it."""
        last, self._last = self._last, None
        await _over(last)


async def _over(piece: tuple[Pending[None], Pending[None]] | None) -> None:
    if piece is not None:
        written, hashed = piece
        try:
            await written
        finally:
            await hashed

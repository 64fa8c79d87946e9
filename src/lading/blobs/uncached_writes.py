"""Writing large pieces past the page cache (`O_DIRECT`, open(2)).

Through the page cache, each byte of a large layer is copied once more; it takes the place of what
others pull; and when the layer is complete it is all written at once, while its client waits, and
whoever else has something to sync. Past it, a piece goes to the disk from where it arrived, while
the next one arrives.

That wants memory, a length and an offset that are multiples of what the disk reads and writes at
once. What is not, and everything on a file system that cannot do it, takes the usual way.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

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

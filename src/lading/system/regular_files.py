"""Regular files among what others put in a place: anything else there is an error, not a wait."""

import errno
import os
import stat
from typing import BinaryIO


def open_to_read(path: str) -> int:
    """Open a file that others may have put there; its descriptor.

    Raises:
        OSError: it cannot be opened, or is a named pipe, a directory or a device.
    """
    # A named pipe that nobody writes to would be waited for.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        check_regular(os.fstat(descriptor), path)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def read_bounded(file: BinaryIO, most: int) -> bytes:
    """The bytes of a file that others have made; one of holes may have any number without room.

    Raises:
        OSError: it cannot be read, or has more than `most` bytes.
    """
    if os.fstat(file.fileno()).st_size > most:
        raise OSError(errno.EFBIG, f"This file has more than {most} bytes")
    return file.read(most)


def check_regular(status: os.stat_result, path: str) -> None:
    """Make sure that what has a path is a file with bytes of its own.

    Raises:
        OSError: it is a named pipe, a directory or a device.
    """
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "This is no regular file", path)

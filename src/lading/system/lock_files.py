"""Lock files: what is in them does not matter, only who has them locked (flock(2))."""

import errno
import fcntl
import os
from pathlib import Path

_NOT_WRITABLE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def open_lock_file(path: Path | str) -> int:
    """Open a file that is there to be locked; it is made if it is not.

    For writing: on NFS, "in order to place an exclusive lock, the file must be opened for writing"
    (flock(2)). Elsewhere it is locked as well if it can only be read: a command that was run as
    root may have made the file that the server's user locks.

    Raises:
        OSError: it cannot be opened.
    """
    flags = os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(path, flags | os.O_RDWR, 0o644)
    except OSError as error:
        if error.errno not in _NOT_WRITABLE:
            raise
        return os.open(path, flags | os.O_RDONLY, 0o644)


def try_lock(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    """Lock an open file, against everybody else unless it is shared; false if somebody has it."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

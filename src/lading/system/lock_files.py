"""Locks of files (flock(2)): what is in a lock file does not matter, only who has it locked."""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

_NOT_WRITABLE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
# Seconds to wait for others that change a file, which takes them a moment: whoever may read a
# directory can lock it, and keep it locked. And seconds between looks.
PATIENCE = 10.0
_LOOK = 0.05


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


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep others from changing a file; they wait. A process that dies lets go.

    The lock is on its directory: the file itself is replaced by another. On NFS, where no directory
    can be locked, it is on a file beside it.

    Raises:
        OSError: it cannot be locked, or somebody has had it locked for too long.
    """
    with ExitStack() as opened:
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        opened.callback(os.close, directory)
        try:
            _wait_for_lock(directory)
        except OSError as error:
            if error.errno != errno.EBADF:
                raise
            beside = open_lock_file(path.with_name(f".{path.name}.lock"))
            opened.callback(os.close, beside)
            _wait_for_lock(beside)
        yield


def _wait_for_lock(descriptor: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while not try_lock(descriptor):
        if time.monotonic() > deadline:
            raise OSError(errno.EBUSY, "another process has its directory locked (see lslocks)")
        time.sleep(_LOOK)

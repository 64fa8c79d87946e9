"""Calls of the operating system on files, and their failures in the registry's words.

Paths are strings (see `lading.blobs.layout`).
"""

import errno
import logging
import os
from contextlib import suppress
from itertools import chain, count

from lading.core.errors import StorageFull, Unavailable
from lading.system.disk_errors import advised, is_full

# What is said of a path at which there is no file.
NO_FILE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


def size_if_there(path: str) -> int | None:
    """How many bytes a file has; `None` if it is not there."""
    try:
        return os.stat(path).st_size
    except OSError as error:
        if error.errno not in NO_FILE:
            raise
        return None


def make(path: str, at: float) -> None:
    """Make an empty file, as old as that, unless there is one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        os.utime(descriptor, (at, at))
    finally:
        os.close(descriptor)


def remove(path: str) -> None:
    """Remove a name, if it is there."""
    with suppress(FileNotFoundError, NotADirectoryError):
        os.unlink(path)


def free_name(path: str) -> str:
    """The path, with a number behind it if something has that name already."""
    numbered = (f"{path}.{number}" for number in count(2))
    return next(name for name in chain([path], numbered) if not os.path.lexists(name))


def is_removed(descriptor: int) -> bool:
    """Whether an open file has no name any more, and is gone when it is closed."""
    return os.fstat(descriptor).st_nlink == 0


def leads_to(path: str, descriptor: int) -> bool:
    """Whether an open file has this name."""
    return status_if_named(path, descriptor) is not None


def status_if_named(path: str, descriptor: int) -> os.stat_result | None:
    """The status of an open file, if it has this name."""
    try:
        named = os.stat(path)
    except FileNotFoundError:
        return None
    status = os.fstat(descriptor)
    return status if os.path.samestat(named, status) else None


log = logging.getLogger(__name__)


class translating:  # noqa: N801 - a context, as those of contextlib are
    """Turns failures of the file system into errors that a client can be told.

    Not a generator: a push of a blob enters a dozen of these.

    Raises:
        StorageFull: there is no space left, or the quota is used up.
        Unavailable: something cannot be read or written; the log says what.
    """

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            if is_full(error):
                log.warning("the storage is full: %s", advised(error))
                raise StorageFull from error
            log.error("the storage fails: %s", advised(error))
            raise Unavailable("the storage cannot be used; the registry's log says why") from error

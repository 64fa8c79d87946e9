"""Calls on files, by their paths as strings; see `lading.blobs.disk` for why they are strings."""

import fcntl
import os
from contextlib import suppress
from itertools import chain, count


def size_if_there(path: str) -> int | None:
    """How many bytes a file has; `None` if it is not there."""
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return None


def size_of(path: str) -> int:
    """How many bytes a file has; none if it is not there."""
    return size_if_there(path) or 0


def read_cached(path: str, size: int) -> bytes | None:
    """So many bytes of a file, if the page cache has them: then there is nothing to wait for."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    data = bytearray(size)
    try:
        return bytes(data) if os.preadv(descriptor, [data], 0, os.RWF_NOWAIT) == size else None
    except OSError:  # not cached, or a file system that cannot tell
        return None
    finally:
        os.close(descriptor)


def read(path: str, size: int) -> bytes | None:
    """The first bytes of a file, up to so many, if it is there."""
    try:
        with open(path, "rb") as file:
            return file.read(size)
    except FileNotFoundError:
        return None


def make(path: str, at: float) -> None:
    """Make an empty file, as old as that.

    Raises:
        FileExistsError: there is one.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        os.utime(descriptor, (at, at))
    finally:
        os.close(descriptor)


def delete(path: str) -> None:
    """Take a name away, if it is there."""
    with suppress(FileNotFoundError):
        os.unlink(path)


def free_name(path: str) -> str:
    """The path, with a number behind it if something has that name already."""
    numbered = (f"{path}.{number}" for number in count(2))
    return next(name for name in chain([path], numbered) if not os.path.lexists(name))


def try_lock(descriptor: int) -> bool:
    """Lock an open file against everybody else; false if somebody has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


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

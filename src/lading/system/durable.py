"""Durable files: operations that a power cut cannot undo once they have returned.

A rename or a new directory is durable only when the directory that holds its name has been synced
(fsync(2): "Calling fsync() does not necessarily ensure that the entry in the directory containing
the file has also reached disk").

That a name is there does not say that it is durable: whoever made it may have died before syncing.
"""

import ctypes
import os
import tempfile
from contextlib import nullcontext, suppress
from pathlib import Path

_PRIVATE = 0o600


def sync_directory(path: Path | str) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(path: Path) -> None:
    """Make a directory if it is not there; durable in any case."""
    path.mkdir(exist_ok=True)
    sync_directory(path.parent)


def make_directories(path: Path) -> None:
    """Make a directory and those above it, as far as they are not there."""
    if not path.is_dir():
        make_directories(path.parent)
        make_directory(path)


def sync_file_system(path: Path | str) -> None:
    """Make everything durable that was written to the file system of a path.

    It takes as long as a sync of one file and the next one, so it is for many.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        # syncfs(2), for which Python has no function.
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(descriptor)


def replace(
    path: Path, content: bytes, *, mode: int | None = None, takes_over: bool = False
) -> None:
    """Write a small file as a whole: a reader sees the old content or the new one.

    One that exists keeps its mode and owner, a new one is private. A crash leaves the file
    as it was, and a temporary one beside it.

    Args:
        mode: that it gets, be it there or not.
        takes_over: whether it becomes the writer's where that one may not give it to its owner.

    Raises:
        OSError: it cannot be written.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            _copy_rights(path, file.fileno(), mode, takes_over)
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def _copy_rights(path: Path, descriptor: int, mode: int | None, takes_over: bool) -> None:
    try:
        found = path.stat()
    except FileNotFoundError:
        os.fchmod(descriptor, _PRIVATE if mode is None else mode)
        return
    os.fchmod(descriptor, found.st_mode & 0o777 if mode is None else mode)
    own = os.fstat(descriptor)
    if (found.st_uid, found.st_gid) != (own.st_uid, own.st_gid):
        with suppress(PermissionError) if takes_over else nullcontext():
            os.fchown(descriptor, found.st_uid, found.st_gid)

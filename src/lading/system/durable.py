"""Durable files: operations that a power cut cannot undo once they have returned.

A rename or a new directory is durable only when the directory that holds its name has been synced
(fsync(2): "Calling fsync() does not necessarily ensure that the entry in the directory containing
the file has also reached disk").

That a name is there does not say that it is durable: whoever made it may have died before syncing.
"""

import ctypes
import os
from pathlib import Path


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

"""File operations that a power cut cannot undo once they have returned.

A rename or a new directory is durable only when the directory that holds its name has been synced
(fsync(2): "Calling fsync() does not necessarily ensure that the entry in the directory containing
the file has also reached disk").
"""

import os
from pathlib import Path


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directories(path: Path) -> None:
    """Make a directory and its parents, each durable. A crash half-way leaves empty ones."""
    if path.is_dir():
        return
    make_directories(path.parent)
    path.mkdir(exist_ok=True)
    sync_directory(path.parent)


def move(source: Path, target: Path) -> None:
    """Rename a file whose bytes are synced, so that the new name is durable."""
    make_directories(target.parent)
    source.replace(target)
    sync_directory(target.parent)

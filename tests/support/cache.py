"""The page cache: what it has of files."""

import os
from pathlib import Path


def can_bypass(directory: Path) -> bool:
    """Whether files here can be written past it, and whether it tells what it holds of them."""
    path = directory / "probe"
    path.write_bytes(b"x")
    try:
        os.close(os.open(path, os.O_RDWR | os.O_DIRECT))
        with path.open("rb") as file:
            is_cached(file.fileno(), 0)
    except OSError:
        return False
    finally:
        path.unlink()
    return True


def is_cached(descriptor: int, position: int) -> bool:
    """Whether it holds a byte of a file."""
    try:
        return os.preadv(descriptor, [bytearray(1)], position, os.RWF_NOWAIT) == 1
    except BlockingIOError:
        return False

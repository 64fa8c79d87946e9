"""The page cache: what it has of files."""

import ctypes
import mmap
import os
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)


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
    """Whether it holds the page of a file that a byte is in.

    Asked of a mapping (mincore(2)), which reads nothing. A read that may not wait (`RWF_NOWAIT`)
    begins to read ahead, and on a fast disk it finds what it has just fetched itself.
    """
    page = position // mmap.PAGESIZE * mmap.PAGESIZE
    with mmap.mmap(descriptor, 0, flags=mmap.MAP_PRIVATE) as mapping:
        here = ctypes.c_char.from_buffer(mapping, page)
        resident = ctypes.c_ubyte()
        failed = _libc.mincore(
            ctypes.byref(here), ctypes.c_size_t(mmap.PAGESIZE), ctypes.byref(resident)
        )
        error = ctypes.get_errno()
        del here
    if failed:
        raise OSError(error, os.strerror(error))
    return bool(resident.value & 1)

"""What the disk alone takes, as the limit of every push that syncs: no network, no hash.

In all ways in which a registry could write a layer, each up to the end of its sync.
"""

import ctypes
import itertools
import mmap
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.content import MIB

SIZE = 256 * MIB
# Pieces on their way at once, where several are.
DEPTH = 4
# Bytes after which those before are given to the disk.
EARLY = 8 * MIB
# `SYNC_FILE_RANGE_WRITE`, see sync_file_range(2).
_WRITE = 2


@dataclass
class Disk:
    """MB/s of each way to write; for each round one."""

    ways: dict[str, list[float]] = field(default_factory=dict)

    def measure(self, directory: Path) -> None:
        """One more round."""
        path = directory / "disk-alone"
        os.sync()
        for name, flags, write in _WAYS:
            descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | flags)
            try:
                start = time.perf_counter()
                write(descriptor)
                os.fsync(descriptor)
                rate = SIZE / 1e6 / (time.perf_counter() - start)
            finally:
                os.close(descriptor)
                path.unlink()
            self.ways.setdefault(name, []).append(rate)


def _one_by_one(descriptor: int) -> None:
    for offset in range(0, SIZE, MIB):
        os.pwrite(descriptor, _PIECE, offset)


def _several(descriptor: int) -> None:
    with ThreadPoolExecutor(DEPTH) as threads:
        offsets = range(0, SIZE, MIB)
        for _ in threads.map(
            os.pwrite, itertools.repeat(descriptor), itertools.repeat(_PIECE), offsets
        ):
            pass


def _early(descriptor: int) -> None:
    for offset in range(0, SIZE, EARLY):
        for place in range(offset, offset + EARLY, MIB):
            os.pwrite(descriptor, _PIECE, place)
        _sync_file_range(descriptor, offset, EARLY)


def _sync_file_range(descriptor: int, offset: int, size: int) -> None:
    ctypes.CDLL(None).sync_file_range(
        descriptor, ctypes.c_int64(offset), ctypes.c_int64(size), _WRITE
    )


def _piece() -> memoryview:
    """What is written: in a huge page, from which a disk takes it in one request."""
    memory = mmap.mmap(-1, 4 * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with suppress(OSError):
        memory.madvise(mmap.MADV_HUGEPAGE)
    start = -ctypes.addressof(ctypes.c_char.from_buffer(memory)) % (2 * MIB)
    piece = memoryview(memory)[start : start + MIB]
    piece[:] = os.urandom(MIB)
    return piece


_PIECE = _piece()
_WAYS: tuple[tuple[str, int, Callable[[int], None]], ...] = (
    ("past the page cache, 1 MiB at a time", os.O_DIRECT, _one_by_one),
    (f"past the page cache, {DEPTH} MiB at a time", os.O_DIRECT, _several),
    ("through the page cache, synced in the end", 0, _one_by_one),
    ("through the page cache, given to the disk early", 0, _early),
)

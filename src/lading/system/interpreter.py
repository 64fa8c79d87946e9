"""The interpreter, set up for answering many: turns of threads, memory given back."""

import ctypes
import sys
from contextlib import suppress

# Seconds after which a thread that computes lets another one go on; Python's own are ten times as
# many. What is asked of the event loop, which answers everybody, takes less than this.
_TURN = 0.0005
# Bytes from which on memory is the system's again as soon as it is free. Pieces of blobs are
# smaller, and used again at once; whole manifests may be larger.
_LARGE = 2 * 1024 * 1024
# malloc.h
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def tune() -> None:
    """Let no thread make others wait for long, and give back memory that was needed once.

    glibc raises its threshold to the largest block that was ever freed ("dynamic mmap threshold",
    mallopt(3)): after some large manifests, as many stay in its heap as there were at one time.
    Other C libraries have no such threshold.
    """
    sys.setswitchinterval(_TURN)
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, _LARGE)
        library.mallopt(_M_TRIM_THRESHOLD, 2 * _LARGE)

"""Where tests keep what they write: in memory, if there is room and nothing needs a real disk.

Most of what `make test` would wait for otherwise is the disk: each push is synced, several times.
That it is synced is asserted of the calls, and after power cuts of a real file system; here nobody
looks whether a disk has it.
"""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")
# Bytes that must be free; a run takes a tenth, as what is left of a test that passed is deleted.
ROOM = 4 * 1024**3


def pytest_configure(config: pytest.Config) -> None:
    """Have pytest make its directories in memory, for the tests that need nothing but Python."""
    if config.getoption("markexpr") == "not e2e" and _has_room():
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def _has_room() -> bool:
    try:
        status = os.statvfs(MEMORY)
        found = re.search(
            r"^MemAvailable: +(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE
        )
    except OSError:
        return False
    available = int(found[1]) * 1024 if found else 0
    return min(status.f_bavail * status.f_frsize, available) >= ROOM and os.access(MEMORY, os.W_OK)


@contextmanager
def on_disk() -> Iterator[Path]:
    """A directory on a disk, for what memory does in another way."""
    with tempfile.TemporaryDirectory(prefix="lading-disk-") as directory:
        yield Path(directory)

"""Open things of this process, to see which are new: its threads and its descriptors.

Earlier tests of the process leave threads that end a moment later, and sockets that others close.
So a test compares the things themselves; how many there are, or their names, says nothing.
"""

import threading
from pathlib import Path


def threads() -> frozenset[threading.Thread]:
    """Threads, but those that an event loop keeps for what it is asked to do in one."""
    return frozenset(each for each in threading.enumerate() if not each.name.startswith("asyncio_"))


def descriptors() -> frozenset[tuple[int, str]]:
    """Descriptors, by their numbers and what they are of: a path, or the kernel's name."""
    found = set()
    for path in Path("/proc/self/fd").iterdir():
        try:
            found.add((int(path.name), str(path.readlink())))
        except FileNotFoundError:  # closed meanwhile
            continue
    return frozenset(found)

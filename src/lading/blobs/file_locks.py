"""The adapter of locks as files: `flock` on one of 256, by the first two digits of a digest.

Nobody is told when another process unlocks one, so who waits tries again and again. Of the requests
of one worker that is the first alone: the others wait behind it in their order, and cost nothing.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Self
from weakref import WeakValueDictionary

from lading.blobs.disk import translating
from lading.blobs.layout import Layout
from lading.core.digest import Digest
from lading.core.typing import override
from lading.ports.blobs import Locks
from lading.system import durable
from lading.system.lock_files import open_lock_file, try_lock

# Seconds between tries for a lock that another worker has: a part of what a commit takes. Each try
# takes longer than the one before to come, as that one may wait for a database which is busy for
# seconds; and no longer than a commit takes, or who has just come would be first again and again.
POLL = 0.001
MOST_POLL = 0.01
SLOWER = 1.3


class FileLocks(Locks):
    """Locks as files, of which those that share the first two digits of digests share one."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        # Of each file that somebody here has locked, or wants to.
        self._queues: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @classmethod
    def below(cls, root: Path) -> Self:
        """Locks in a directory of their own, made if need be."""
        layout = Layout(root)
        durable.make_directories(Path(layout.locks))
        return cls(layout)

    @override
    @asynccontextmanager
    async def lock(self, digest: Digest) -> AsyncIterator[None]:
        path = self._layout.lock(digest)
        queue = self._queues.setdefault(path, asyncio.Lock())
        is_second = queue.locked()
        async with queue:
            if is_second:  # other workers have their turn before it
                await asyncio.sleep(POLL)
            descriptor, pause = _open(path), POLL
            try:
                while not _try_lock(descriptor):
                    await asyncio.sleep(pause)
                    pause = min(pause * SLOWER, MOST_POLL)
                yield
            finally:
                os.close(descriptor)

    @override
    @asynccontextmanager
    async def lock_free(self, digests: Sequence[Digest]) -> AsyncIterator[Sequence[Digest]]:
        with ExitStack() as opened:
            locked = set()
            for path in {self._layout.lock(digest) for digest in digests}:
                descriptor = _open(path)
                opened.callback(os.close, descriptor)
                if _try_lock(descriptor):
                    locked.add(path)
            yield [digest for digest in digests if self._layout.lock(digest) in locked]


def _open(path: str) -> int:
    with translating():
        return open_lock_file(path)


def _try_lock(descriptor: int) -> bool:
    with translating():  # a mount may have no locks, or its server may be gone
        return try_lock(descriptor)

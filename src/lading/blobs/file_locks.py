"""The adapter of locks as files: `flock` on one of 256, by the first two digits of a digest."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Self

from lading.blobs import file_calls
from lading.blobs.layout import Layout
from lading.core.digest import Digest
from lading.core.typing import override
from lading.ports.locks import Locks
from lading.system import durable
from lading.system.lock_files import open_lock_file

# Seconds between tries for the lock of a blob that another request is committing: a part of what
# a commit takes. Each try takes longer than the one before to come, or hundreds of requests that
# wait for a database which is busy for seconds would leave the event loop no time for any other.
POLL = 0.001
MOST_POLL = 0.05
SLOWER = 1.3


class FileLocks(Locks):
    """Locks as files, of which those that share the first two digits of digests share one.

    Args:
        layout: says where they are; the directory is there.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    @classmethod
    def below(cls, root: Path) -> Self:
        """Locks in a directory of their own, made if need be."""
        layout = Layout(root)
        durable.make_directories(Path(layout.locks))
        return cls(layout)

    @override
    def lock(self, digest: Digest) -> "_Lock":
        return _Lock(self._layout.lock(digest))

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

    @override
    def lock_by_rows(self, digest: Digest) -> None:
        return None


class _Lock:
    """The lock of a digest, locked while it is entered.

    Args:
        path: of the lock's file, made if need be.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor = -1

    async def __aenter__(self) -> None:
        """Lock the digest, as soon as nobody has it locked."""
        self._descriptor = _open(self._path)
        pause = POLL
        try:
            while not _try_lock(self._descriptor):
                await asyncio.sleep(pause)
                pause = min(pause * SLOWER, MOST_POLL)
        except BaseException:
            os.close(self._descriptor)
            raise

    async def __aexit__(self, *_: object) -> None:
        """Unlock the digest."""
        os.close(self._descriptor)


def _open(path: str) -> int:
    with file_calls.translating():
        return open_lock_file(path)


def _try_lock(descriptor: int) -> bool:
    with file_calls.translating():  # a mount may have no locks, or its server may be gone
        return file_calls.try_lock(descriptor)

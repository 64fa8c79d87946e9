"""The locks of blobs: `flock` on one of 256 files, by the first two digits of a digest.

They bind all workers and the collector. The kernel lets go of those of a process that dies.
"""

import asyncio
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType

from lading.blobs import files
from lading.blobs.failures import translated

# Seconds between tries for the lock of a blob that another request is committing: a part of what
# a commit takes.
POLL = 0.001


class Lock:
    """Held while it is entered.

    Args:
        path: of the lock's file, made if need be.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor = -1

    async def __aenter__(self) -> None:
        """Wait until nobody holds it."""
        self._descriptor = _open(self._path)
        try:
            while not files.try_lock(self._descriptor):  # noqa: ASYNC110 - a process tells no event
                await asyncio.sleep(POLL)
        except BaseException:
            os.close(self._descriptor)
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go."""
        os.close(self._descriptor)


@contextmanager
def free_ones(paths: Iterable[str]) -> Iterator[frozenset[str]]:
    """Hold those of the locks that nobody has, without waiting; yields their paths."""
    with ExitStack() as opened:
        held = set()
        for path in paths:
            descriptor = _open(path)
            opened.callback(os.close, descriptor)
            if files.try_lock(descriptor):
                held.add(path)
        yield frozenset(held)


def _open(path: str) -> int:
    with translated():
        # Read only: a command run as root may have made the file that the server's user locks.
        return os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)

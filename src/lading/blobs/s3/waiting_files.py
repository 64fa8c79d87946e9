"""Waiting files: bytes of objects that wait on the disk here, as the memory for them is spent.

They have no name, and are gone with the process: nothing that waits was acknowledged. The store is
sent them out of the page cache, so they are in no memory of this program's own then either.
"""

import logging
import mmap
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from lading.system.room import Budget
from lading.system.threads import Threads
from lading.system.unnamed_files import open_unnamed, write_at

log = logging.getLogger(__name__)

# Bytes of files of a worker, all together.
DISK = 2 * 1024 * 1024 * 1024


@dataclass(slots=True)
class WaitingRoom:
    """The room for waiting files: where those of a worker are.

    Attributes:
        directory: where files may be made; `None` for the system's place for such files.
        budget: of bytes, for all of them.
        thread: that writes and frees them. It is one: hundreds of uploads may be given up at the
            same time, and the threads of others must not wait for that.
        failing: whether the disk took nothing the last time: that is said once, not of each piece.
    """

    directory: Path | None = None
    budget: Budget = field(default_factory=lambda: Budget(DISK))
    thread: Threads = field(default_factory=lambda: Threads(1, "waiting"))
    failing: bool = False

    def tell(self, failure: OSError | None) -> None:
        """Say how the disk is, if it was otherwise before."""
        was_failing, self.failing = self.failing, failure is not None
        if failure is not None and not was_failing:
            log.warning("what the store is to be sent cannot wait on the disk: %s", failure)
        elif failure is None and was_failing:
            log.info("what the store is to be sent can wait on the disk again")


class WaitingFile:
    """Bytes of an object, `size` of them, in a file as soon as there are some."""

    def __init__(self, room: WaitingRoom) -> None:
        self.size = 0
        self._room = room
        self._taken = 0
        self._file: IO[bytes] | None = None

    async def append(self, pieces: Sequence[bytes]) -> bool:
        """Append pieces; false if there is no room for all of them, and none were."""
        more = sum(map(len, pieces))
        if not self._room.budget.take(more):
            return False
        self._taken += more
        try:
            await self._room.thread.start(self._append, pieces)
        except OSError as error:
            self._room.tell(error)
            return False
        self._room.tell(None)
        self.size += more
        return True

    def data(self) -> memoryview:
        """All bytes, as they are in the page cache; good for as long as somebody has them.

        A disk that fails to bring them back ends the process (SIGBUS), as if it was killed.
        """
        assert self._file is not None
        return memoryview(mmap.mmap(self._file.fileno(), self.size, access=mmap.ACCESS_READ))

    def close(self) -> None:
        """Give back what the file has taken."""
        if self._file is not None:
            # Not on the event loop: to free what a large file has takes a while.
            self._room.thread.start(self._file.close)
            self._file = None
        self._room.budget.give_back(self._taken)
        self._taken = self.size = 0

    def _append(self, pieces: Sequence[bytes]) -> None:
        if self._file is None:
            self._file = open_unnamed(self._room.directory)
        offset = self.size
        for piece in pieces:
            write_at(self._file.fileno(), piece, offset)
            offset += len(piece)

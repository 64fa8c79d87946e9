"""Large pieces of an upload on their way: written and hashed side by side, two at a time.

Both take about as long, and a core each. When a piece is done, the next one waits behind it
already: neither disk nor core stands still until the event loop has heard of it.
"""

from collections.abc import Callable

from lading.blobs.disk import Disk
from lading.system.threads import Pending

Work = Callable[[], None]


class AppendPipeline:
    """The pieces of one upload that are under way, worked on in the order in which they come."""

    def __init__(self, disk: Disk) -> None:
        self._writing = disk.lane()
        self._hashing = disk.lane()
        self._last: tuple[Pending[None], Pending[None]] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is under way."""
        return self._last is None

    async def add(self, write: Work, hash_: Work) -> None:
        """Begin with a piece, and wait for the one before.

        Raises:
            Exception: whatever went wrong with that one.
        """
        before = self._last
        # Writing is begun first: it soon waits for the disk, and leaves its core to the hash.
        self._last = self._writing.start(write), self._hashing.start(hash_)
        await _over(before)

    async def drain(self) -> None:
        """Wait for the last piece.

        Raises:
            Exception: whatever went wrong with it.
        """
        last, self._last = self._last, None
        await _over(last)


async def _over(piece: tuple[Pending[None], Pending[None]] | None) -> None:
    if piece is not None:
        written, hashed = piece
        try:
            await written
        finally:
            await hashed

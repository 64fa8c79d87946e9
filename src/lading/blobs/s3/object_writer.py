"""An object while it is written: at first in memory, then sent on as it comes.

Most blobs fit into memory, and are one request. What is larger goes to the store in parts, which
the store puts together in the end; until then there is no object.

What waits in memory is bounded for all uploads of a worker at once. One that comes when the budget
is spent waits in a file, and is several objects if it is large. Where the disk has no room either,
objects are as small as the pieces that come: that is slower, and still nobody waits for an upload
that stands still.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from lading.blobs.s3.object_store import ObjectStore
from lading.blobs.s3.waiting_files import WaitingFile, WaitingRoom
from lading.system.room import Budget

# Bytes of an object up to which it is one request.
WHOLE = 16 * 1024 * 1024
# Bytes that the store has at hand while it sends an object in parts, with those that wait for it.
STREAM = 64 * 1024 * 1024
# Bytes of uploads of a worker that are in memory, all together.
MEMORY = 96 * 1024 * 1024
# Bytes of an object that waited in a file, which is one request.
FROM_FILE = 64 * 1024 * 1024
# Bytes of an object: "The maximum number of parts per upload is 10,000" (S3 user guide), which may
# have 5 MiB each.
LARGEST = 32 * 1024 * 1024 * 1024
# Pieces that wait until the store takes them.
WAITING = 2
# Seconds in which the store hears that nobody wants an object any more; then it is told no more.
GIVING_UP = 5.0


class _Abandoned(Exception):
    """Nobody wants the object any more."""


class ObjectWriter:
    """An object that is written piece by piece.

    Attributes:
        key: of the object; it is used by nobody else, whatever becomes of this one.
        size: bytes that it has so far.
    """

    def __init__(self, store: ObjectStore, budget: Budget, files: WaitingRoom, key: str) -> None:
        self.key = key
        self.size = 0
        self._store = store
        self._budget = budget
        self._taken = 0
        self._collected: deque[bytes] = deque()
        self._file = WaitingFile(files)
        self._waiting: asyncio.Queue[bytes | _Abandoned | None] = asyncio.Queue(WAITING)
        self._sending: asyncio.Task[int] | None = None

    async def accept(self, piece: bytes) -> bool:
        """Take a piece; false if the object is to end before it, so that another one takes it.

        Raises:
            RegistryError: the store cannot take the pieces before.
        """
        if self._sending is None and not self._make_room(len(piece)):
            if not await self._put_aside(piece):
                return False
        elif self._sending is not None:
            if self.size + len(piece) > LARGEST:
                return False
            await self._hand_over(piece)
        else:
            self._collected.append(piece)
        self.size += len(piece)
        return True

    async def store(self) -> None:
        """Have the store keep the object; an error if it does not, or nobody knows."""
        try:
            if self._sending is not None:
                await self._hand_over(None)
                await self._sending
            elif self._file.size:
                await self._store.put(self.key, self._file.data())
            else:
                await self._store.put(self.key, self._join())
        finally:
            self._end()

    async def abandon(self) -> None:
        """Write nothing more: there will be no object, unless the store has it already."""
        sending = self._sending
        try:
            if sending is not None:
                while not self._waiting.empty():
                    self._waiting.get_nowait()
                self._waiting.put_nowait(_Abandoned())
                await asyncio.wait([sending], timeout=GIVING_UP)
        finally:
            if sending is not None:
                sending.cancel()
            self._end()

    def _make_room(self, size: int) -> bool:
        """Take what a piece needs of the budget; false if it cannot wait in memory."""
        if self._file.size:
            return False
        if self.size + size <= WHOLE:
            if not self._budget.take(size):
                return False
            self._taken += size
            return True
        more = STREAM - self._taken
        if not self._budget.take(more):
            return False
        self._taken += more
        self._sending = asyncio.create_task(self._store.put_pieces(self.key, self._pieces()))
        return True

    async def _put_aside(self, piece: bytes) -> bool:
        """Have a piece wait on the disk, with those before it; false if the object is to end.

        A first piece that finds no room there either is in memory all the same.
        """
        if self.size + len(piece) <= FROM_FILE and await self._file.append(
            [*self._collected, piece]
        ):
            self._collected.clear()
            self._give_back()
            return True
        if self.size:
            return False
        self._budget.overdraw(len(piece))
        self._taken += len(piece)
        self._collected.append(piece)
        return True

    def _join(self) -> bytes:
        """The whole object; its pieces are twice in memory for a moment."""
        if len(self._collected) == 1:
            return self._collected.pop()
        whole = b"".join(self._collected)
        self._collected.clear()
        return whole

    async def _pieces(self) -> AsyncIterator[bytes]:
        while self._collected:
            yield self._collected.popleft()
        while (piece := await self._waiting.get()) is not None:
            if isinstance(piece, _Abandoned):
                raise piece
            yield piece

    async def _hand_over(self, piece: bytes | None) -> None:
        """Have the store take a piece, as soon as it has taken those before."""
        assert self._sending is not None
        if self._waiting.full() and not self._sending.done():
            putting = asyncio.create_task(self._waiting.put(piece))
            try:
                await asyncio.wait([putting, self._sending], return_when=asyncio.FIRST_COMPLETED)
            finally:
                handed_over = putting.done() and not putting.cancelled()
                putting.cancel()
            if handed_over:
                return
        if self._sending.done():
            await self._sending  # raises
        self._waiting.put_nowait(piece)

    def _end(self) -> None:
        """Give back what the object has taken, as soon as the store has let go of it as well."""
        self._collected.clear()
        self._file.close()
        if self._sending is None:
            self._give_back()
        elif self._sending.done():
            self._sent(self._sending)
        else:
            self._sending.add_done_callback(self._sent)

    def _sent(self, sending: asyncio.Task[int]) -> None:
        if not sending.cancelled():
            sending.exception()  # which who waited for it was told, or nobody wants to know
        self._give_back()

    def _give_back(self) -> None:
        self._budget.give_back(self._taken)
        self._taken = 0

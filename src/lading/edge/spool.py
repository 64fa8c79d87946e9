"""A whole body that waits for a client: in memory while there is some, else in a file.

A manifest is known to be good when all of it is here, and a list is made at once; but the client
that sends the one, or takes the other, may need its time. Most of them fit into the worker's
budget. What does not waits on the disk, in a file that has no name and is gone with this process.
"""

import asyncio
import errno
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import IO

from lading.core.digest import Bytes
from lading.core.errors import StorageFull, Unavailable
from lading.core.typing import P, T
from lading.edge.budget import BodyBudgets
from lading.edge.response import Response
from lading.ports.blob_sources import InMemory, OpenFile
from lading.system.disk_errors import advised, is_full
from lading.system.unnamed_files import open_unnamed, write_at

log = logging.getLogger(__name__)


class Spool:
    """A body that is appended to, then taken; nothing is left of it when it is closed.

    Attributes:
        size: bytes that it has.
        data: what is in memory: all of it, unless there is a file.
    """

    def __init__(self, budgets: BodyBudgets) -> None:
        self.size = 0
        self._budgets = budgets
        self.data: bytes | bytearray = b""
        self._file: IO[bytes] | None = None

    def close(self) -> None:
        """Remove the body, and give back what it took."""
        if self._file is None:
            self._budgets.memory.give_back(self.size)
        else:
            # Not on the event loop: to free what a large file has takes a while.
            closing = self._budgets.thread.start(self._file.close)
            closing.add_done_callback(lambda _: self._budgets.disk.give_back(self.size))

    async def append(self, data: Bytes) -> None:
        """Append bytes to the body.

        Raises:
            StorageFull, Unavailable: there is neither memory nor room on the disk.
        """
        if self._file is None:
            if self._budgets.memory.take(len(data)):
                self._append(data)
                self.size += len(data)
                return
            await self._move()
        await self._write(data)

    async def read(self) -> bytes:
        """The whole body."""
        if self._file is None:
            return bytes(self.data)
        return await self._in_thread(_read, self._file.fileno(), self.size)

    def open(self) -> InMemory | OpenFile:
        """The whole body as a file, to be read until it is closed here."""
        return InMemory(bytes(self.data)) if self._file is None else OpenFile(self._file.fileno())

    def _append(self, data: Bytes) -> None:
        """Append in memory; what comes at once is not copied.

        There is no list of pieces: the objects of bytes that come one by one would take forty times
        as much.
        """
        if not self.size:
            self.data = bytes(data)
            return
        if isinstance(self.data, bytes):
            self.data = bytearray(self.data)
        self.data += data

    async def _move(self) -> None:
        """Move the body from memory to the disk."""
        self._file = await self._in_thread(open_unnamed, self._budgets.directory)
        data, self.data, self.size = self.data, b"", 0
        self._budgets.memory.give_back(len(data))
        await self._write(data)

    async def _write(self, data: Bytes) -> None:
        assert self._file is not None
        if not self._budgets.disk.take(len(data)):
            raise Unavailable("too many bodies are on their way at once; try again later")
        offset, self.size = self.size, self.size + len(data)
        await self._in_thread(write_at, self._file.fileno(), data, offset)

    async def _in_thread(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Wait for what the disk does, even if the request is given up: it uses the file."""
        try:
            return await self._budgets.thread.start(function, *args, **kwargs)
        except OSError as error:
            if is_full(error):
                raise StorageFull from error
            log.error("a body cannot wait on the disk: %s", advised(error))  # noqa: TRY400 - it says all
            raise Unavailable("the body cannot be kept; the registry's log says why") from error


def _read(descriptor: int, size: int) -> bytes:
    data = os.pread(descriptor, size, 0)
    if len(data) != size:
        raise OSError(errno.EIO, "a file without a name is shorter than it was")
    return data


class _Shared:
    """A body that several clients are sent, and how many."""

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self.users = 0
        self.filling = asyncio.Lock()
        self.begun = False
        self.filled = False


class SharedSpools:
    """Bodies that wait for their clients, by their digests: what many pull waits once."""

    def __init__(self, budgets: BodyBudgets) -> None:
        self._budgets = budgets
        self._shared: dict[str, _Shared] = {}

    @asynccontextmanager
    async def share(self, response: Response) -> AsyncIterator[Spool]:
        """The body of a response, for the length of the block; its response has it no more.

        Raises:
            StorageFull, Unavailable: there is neither memory nor room on the disk for it.
        """
        digest = response.digest
        shared = self._shared.get(digest) or _Shared(Spool(self._budgets))
        if digest:
            self._shared[digest] = shared
        shared.users += 1
        try:
            await self._fill(shared, response)
            yield shared.spool
        finally:
            shared.users -= 1
            if not shared.users:
                self._shared.pop(digest, None)
                shared.spool.close()

    async def _fill(self, shared: _Shared, response: Response) -> None:
        """Put the body where it waits, unless another one's of that digest is there."""
        data = response.take_bytes()
        if shared.filling.locked():
            data = b""  # another one's is on its way; nobody holds bytes while they wait for it
        async with shared.filling:
            if shared.filled:
                return
            if shared.begun:  # and failed, so that there may be a part of it
                raise Unavailable("the body cannot be kept for its client; try again later")
            shared.begun = True
            await shared.spool.append(data)
            shared.filled = True

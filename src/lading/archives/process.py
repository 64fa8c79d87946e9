"""Reading archives in a child process, which is fed a blob's bytes from wherever they are."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from typing import Any

import msgspec

from lading.archives.limits import LONGEST_LINE, PIECE, ListingEnd
from lading.core.images.tree import Entry
from lading.core.typing import T
from lading.ports.blob_sources import BlobSource, InMemory, LocalFile, OpenSource
from lading.ports.object_sources import Chunks

# Seconds for which a child may be there, be it that nobody leaves it any time.
LONGEST = 3600.0
LONGEST_LOOK = 600.0


class ReadingFailed(Exception):
    """A child process that did not come to its end; the message says why."""


_decoder = msgspec.json.Decoder(list[Entry] | ListingEnd)


async def list_entries(
    source: BlobSource, size: int, *, seconds: float = LONGEST
) -> AsyncGenerator[Sequence[Entry] | ListingEnd, None]:
    """The entries of an archive, some at a time, and how that has ended.

    Args:
        source: of a blob of so many bytes.
        seconds: after which the child is killed.

    Raises:
        ReadingFailed: the child was killed, or has failed.
        OSError, Unavailable: the blob cannot be read.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    async with _running(source, size, "list", str(size)) as child:
        assert child.process.stdout is not None
        ended = False
        while line := await child.within(child.process.stdout.readline(), deadline):
            batch = _decoder.decode(line)
            if isinstance(batch, ListingEnd):
                child.require_fed()
                ended = True
            yield batch
        if not ended:
            await child.fail(deadline)


async def read_content(
    source: BlobSource, size: int, offset: int, length: int
) -> AsyncGenerator[bytes, None]:
    """The bytes of a file in an archive, piece by piece.

    The child is killed after `LONGEST_LOOK`, whether or not somebody still takes the pieces.

    Args:
        source: of a blob of `size` bytes.
        offset, length: of the file in the archive, once that is decompressed.

    Raises:
        ReadingFailed, OSError, Unavailable: see `list_entries`.
    """
    deadline = asyncio.get_running_loop().time() + LONGEST_LOOK
    arguments = ("content", str(size), str(offset), str(length))
    async with _running(source, size, *arguments) as child:
        assert child.process.stdout is not None
        while piece := await child.within(child.process.stdout.read(PIECE), deadline):
            length -= len(piece)
            yield piece
        if length:
            await child.fail(deadline)


class _Child:
    """A child that is being fed."""

    def __init__(self, process: Process, feeding: "asyncio.Task[None]") -> None:
        self.process = process
        self._feeding = feeding

    async def within(self, output: Coroutine[Any, Any, T], deadline: float) -> T:
        """The batch that the child gives next."""
        left = deadline - asyncio.get_running_loop().time()
        try:
            return await asyncio.wait_for(output, max(left, 0.0))
        except TimeoutError as error:
            raise ReadingFailed("it took too long") from error

    def require_fed(self) -> None:
        """Go on only if the bytes that the child is fed could be read, as far as it wanted them.

        To the child, bytes that cannot be read are an archive that ends early.
        """
        if self._feeding.done() and (failure := self._feeding.exception()) is not None:
            raise failure

    async def fail(self, deadline: float) -> None:
        """Say why a child has given less than it should."""
        self.require_fed()
        status = await self.within(self.process.wait(), deadline)
        raise ReadingFailed(f"the process that read it has ended with status {status}")


@asynccontextmanager
async def _running(source: BlobSource, size: int, *arguments: str) -> AsyncIterator[_Child]:
    """A child for the length of a block; it does not outlive that."""
    async with AsyncExitStack() as stack:
        opened = _opened(source, stack)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "lading.archives.child", *arguments),
            stdin=PIPE,
            stdout=PIPE,
            limit=LONGEST_LINE,
        )
        stack.push_async_callback(_end, process)
        feeding = asyncio.create_task(_feed(process, opened, size))
        stack.push_async_callback(_stop, feeding)
        yield _Child(process, feeding)


def _opened(source: BlobSource, stack: AsyncExitStack) -> OpenSource:
    match source:
        case LocalFile():
            return stack.enter_context(source.open())
        case InMemory() | Chunks():
            return source


async def _feed(process: Process, source: OpenSource, size: int) -> None:
    pipe = process.stdin
    assert pipe is not None
    try:
        with suppress(BrokenPipeError, ConnectionResetError):  # it has seen enough
            async with aclosing(source.pieces(0, size)) as pieces:
                async for piece in pieces:
                    pipe.write(piece)
                    await pipe.drain()
    finally:
        pipe.close()


async def _stop(feeding: "asyncio.Task[None]") -> None:
    feeding.cancel()
    await asyncio.wait([feeding])
    if not feeding.cancelled():
        feeding.exception()  # it was told, or the child needed no more of it


async def _end(process: Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    await process.wait()

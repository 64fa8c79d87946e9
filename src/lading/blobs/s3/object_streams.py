"""Streams of objects: bytes as they come from the store; where a stream is cut, it goes on.

They come piece by piece into this program, or through pipes past it (`pipes`).
"""

import logging
import math
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from lading.blobs.s3.attempts import Failed, StoreAttempts
from lading.blobs.s3.bucket import MIB
from lading.blobs.s3.opening import OpenBucket
from lading.blobs.s3.pipes import CannotPipe, ObjectPipes
from lading.core.digest import Bytes
from lading.core.typing import T
from lading.ports.measures import Measures, Timing
from lading.ports.object_sources import LostObject, Piped
from lading.system.room import Budget

if TYPE_CHECKING:
    from obstore import GetResult

log = logging.getLogger(__name__)

# Bytes of an object that are handed out at once, about.
PIECE = 1 * MIB
# Bytes that a stream has at hand while its client stands still: a piece here, and what obstore has
# read ahead; and those of all streams of a worker. When they are spent, what comes is asked for in
# pieces of so many bytes, each by itself: that takes longer, and keeps nothing but the piece. What
# is piped has its bytes in the kernel, which has as many of them at hand.
STREAMED = 2560 * 1024
STREAMS = 40 * MIB
ALONE = 128 * 1024
# Bytes a second of a slow stream: many share the way, and some clients are slow.
SLOWEST_STREAM = 80 * 1024
# Bytes from which a connection of its own pays, which a pipe takes.
PIPED = 1 * MIB


class ObjectStreams:
    """Streams of the objects of a bucket; without pipes, all bytes come into this program."""

    def __init__(self, bucket: OpenBucket, pipes: ObjectPipes | None, measures: Measures) -> None:
        import obstore  # noqa: PLC0415 - only who uses it loads it

        self._obstore: Any = obstore
        self._bucket = bucket
        self._pipes = pipes
        self._measures = measures
        self._budget = Budget(STREAMS)

    def pieces(self, path: str, start: int, size: int) -> AsyncGenerator[Bytes, None]:
        """Some bytes of an object, piece by piece.

        Raises:
            LostObject: there is no such object, or it ends before.
            Unavailable: the store cannot be used.
        """
        # Only what is piped may be in a pipe.
        return cast(
            "AsyncGenerator[Bytes, None]", self._going_on(path, start, size, least=math.inf)
        )

    def piped(self, path: str, start: int, size: int) -> AsyncGenerator[Bytes | Piped, None]:
        """Some bytes of an object as `pieces` gives them, but in a pipe if they can be."""
        return self._going_on(path, start, size, least=PIPED)

    async def _going_on(
        self, path: str, start: int, size: int, *, least: float
    ) -> AsyncGenerator[Bytes | Piped, None]:
        """What comes of as many requests as it takes; in a pipe if it has `least` bytes."""
        attempts = StoreAttempts(Timing.STORE_READER, self._measures)
        stop = start + size
        while start < stop:
            try:
                async with aclosing(self._some(attempts, path, start, stop, least)) as found:
                    async for piece in found:
                        start += len(piece)
                        yield piece
                        attempts.moved()
            except Failed as failed:
                await attempts.pause(failed)
            except FileNotFoundError as error:
                raise lost(path, stop) from error
        attempts.done()

    async def _some(
        self, attempts: StoreAttempts, path: str, start: int, stop: int, least: float
    ) -> AsyncGenerator[Bytes | Piped, None]:
        """The bytes that come of one request: all, or the first if many streams stand still.

        Raises:
            Failed: they did not all come.
            FileNotFoundError: see `is_absent`.
            LostObject: the object ends before.
        """
        if not self._budget.take(STREAMED):
            yield await self._first(attempts, path, start, min(stop, start + ALONE))
            return
        pipes = self._pipes if stop - start >= least else None
        stream = (
            self._stream(attempts, path, start, stop)
            if pipes is None
            else self._pipe(pipes, attempts, path, start, stop)
        )
        try:
            async with aclosing(stream):
                async for piece in stream:
                    yield piece
        except CannotPipe as error:
            log.info("bytes of the object store pass through memory from now on: %s", error)
            self._pipes = None
        finally:
            self._budget.give_back(STREAMED)

    async def _first(self, attempts: StoreAttempts, path: str, start: int, stop: int) -> Bytes:
        read = partial(
            self._obstore.get_range_async, self._bucket.once, path, start=start, end=stop
        )
        data = memoryview(await attempts.once(read))
        if len(data) < stop - start:
            raise lost(path, stop)
        return data[: stop - start]  # some stores give more than was asked for

    async def _stream(
        self, attempts: StoreAttempts, path: str, start: int, stop: int
    ) -> AsyncGenerator[Bytes, None]:
        options = {"range": (start, stop)}
        found: GetResult = await attempts.once(
            partial(self._obstore.get_async, self._bucket.once, path, options=options)
        )
        if tuple(found.range) != (start, stop):
            raise lost(path, stop)
        stream = found.stream(PIECE)
        while start < stop:
            piece = await attempts.once(partial(next_of, stream, b""), more=PIECE / SLOWEST_STREAM)
            if not piece:
                raise Failed(EOFError(f"{stop - start} bytes of {path} have not come"))
            some = memoryview(piece)[: stop - start]  # as above
            start += len(some)
            yield some

    async def _pipe(
        self, pipes: ObjectPipes, attempts: StoreAttempts, path: str, start: int, stop: int
    ) -> AsyncGenerator[Bytes | Piped, None]:
        with await attempts.once(partial(pipes.open, path, start, stop)) as pipe:
            if pipe.is_short:
                raise lost(path, stop)
            while start < stop:
                part = await attempts.once(pipe.next, more=PIECE / SLOWEST_STREAM)
                if not len(part):
                    raise Failed(EOFError(f"{stop - start} bytes of {path} have not come"))
                start += len(part)
                yield part


def lost(key: str, size: int) -> LostObject:
    """That the store does not have so many bytes of an object."""
    return LostObject(f"the object {key} is not there, or has less than {size} bytes")


async def next_of(found: AsyncIterator[T], end: T) -> T:
    """The next of what obstore finds; `anext` with a default does not understand its iterators."""
    try:
        return await found.__anext__()
    except StopAsyncIteration:
        return end

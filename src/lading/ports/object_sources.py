"""Sources in an object store: a blob's bytes are in segments, each of which is an object."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

from lading.core.digest import Bytes


class LostObject(OSError):
    """An object that a store says is not there, or is shorter than it was."""


@dataclass(frozen=True, slots=True)
class Piped:
    """Bytes in a pipe, for whoever is handed this to take out: all of them, before any more come.

    Attributes:
        descriptor: of the end of the pipe that is read.
    """

    descriptor: int
    size: int

    def __len__(self) -> int:
        return self.size


class Segments(Protocol):
    """Objects of a store that blobs are made of; none of them ever changes."""

    async def read(self, key: str, start: int, size: int) -> Bytes:
        """So many bytes of one, which are to fit into memory.

        Raises:
            LostObject: there is no such object, or it ends before.
            Unavailable: the store cannot be used now.
        """

    def pieces(self, key: str, start: int, size: int) -> AsyncGenerator[Bytes, None]:
        """Some bytes of one, piece by piece.

        Raises:
            LostObject, Unavailable: as `read`.
        """

    def piped(self, key: str, start: int, size: int) -> AsyncGenerator[Bytes | Piped, None]:
        """Some bytes of one for a socket: in a pipe, as far as the store is reached by one.

        Raises:
            LostObject, Unavailable: as `read`.
        """

    async def sign(self, key: str, seconds: float) -> str | None:
        """An address at which anybody gets one, for so long at most.

        Returns:
            `None` if the address would end too soon for a client to get there.

        Raises:
            Unavailable: there is nothing to sign it with now.
        """


class Segment(NamedTuple):
    """A segment of a blob: an object of a store, with all of its bytes."""

    key: str
    size: int


@dataclass(frozen=True, slots=True)
class Chunks:
    """The bytes are in an object store, in segments one after the other."""

    descriptor: ClassVar[None] = None
    store: Segments
    segments: Sequence[Segment]

    @property
    def size(self) -> int:
        """The number of bytes of the blob, by what is known of the segments."""
        return sum(segment.size for segment in self.segments)

    def open(self) -> "Chunks":
        """The segments themselves: each is asked for when its bytes are needed."""
        return self

    def __enter__(self) -> "Chunks":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    async def read(self, start: int, size: int) -> bytes:
        """So many of the bytes.

        Raises:
            LostObject, Unavailable: see `Segments`.
        """
        parts = [await self.store.read(*part) for part in self._parts(start, size)]
        return b"".join(parts)

    async def pieces(self, start: int, size: int) -> AsyncGenerator[Bytes, None]:
        """So many of the bytes, as they come from the store; no more than a piece is read ahead.

        Raises:
            LostObject, Unavailable: see `Segments`.
        """
        for part in self._parts(start, size):
            async with aclosing(self.store.pieces(*part)) as pieces:
                async for piece in pieces:
                    yield piece

    async def piped(self, start: int, size: int) -> AsyncGenerator[Bytes | Piped, None]:
        """So many of the bytes for a socket, as far as possible in a pipe.

        Raises:
            LostObject, Unavailable: see `Segments`.
        """
        for part in self._parts(start, size):
            async with aclosing(self.store.piped(*part)) as pieces:
                async for piece in pieces:
                    yield piece

    async def address(self, seconds: float) -> str | None:
        """Where a client gets all of the bytes; `None` if there is no single place, or not now.

        Raises:
            Unavailable: see `Segments`.
        """
        if len(self.segments) != 1:
            return None
        return await self.store.sign(self.segments[0].key, seconds)

    def _parts(self, start: int, size: int) -> Iterator[tuple[str, int, int]]:
        """Which bytes of which segments these are: keys, starts and sizes."""
        stop = start + size
        for segment in self.segments:
            first, last = max(0, start), min(segment.size, stop)
            if first < last:
                yield segment.key, first, last - first
            start, stop = start - segment.size, stop - segment.size

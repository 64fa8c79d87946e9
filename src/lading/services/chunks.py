"""Chunks: the bytes that a request brings to an upload."""

from collections.abc import AsyncIterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from lading.core.digest import Bytes
from lading.core.ranges import ByteRange

Pieces = AsyncIterator[Bytes]


class Chunk(Struct, frozen=True):
    """A chunk: the bytes that a request brings.

    Attributes:
        pieces: the bytes, as they arrive. Raises if the client goes away.
        range: where they belong, if the client says.
        length: how many there are, if the client says.
    """

    pieces: Pieces
    range: ByteRange | None = None
    length: int | None = None

    def may_be_first(self, most: int) -> bool:
        """Whether it may be all of an upload, with some bytes, that many at most.

        Who sends more than one chunk says where each belongs: nothing is found out here.
        """
        if self.length is None:
            return self.range is None
        named = self.range is None or self.range == ByteRange(0, self.length)
        return named and 0 < self.length <= most


async def read_small(chunk: Chunk, most: int) -> tuple[bytes, Chunk]:
    """All bytes of a chunk, if they are so many at most; and the chunk as if it was not read.

    No bytes if they are more, or fewer than it says.
    """
    first = await anext(chunk.pieces, b"")
    if len(first) > most:
        return b"", replace(chunk, pieces=_again([first], chunk.pieces))
    data = bytes(first)
    try:
        second = await anext(chunk.pieces, None)
    except Exception as error:  # noqa: BLE001 - it is for whoever reads the chunk
        return b"", replace(chunk, pieces=_again([data], _failed(error)))
    if second is not None:
        return b"", replace(chunk, pieces=_again([data, second], chunk.pieces))
    is_whole = chunk.length in {None, len(data)}
    return data if is_whole else b"", replace(chunk, pieces=_again([data], chunk.pieces))


async def _again(first: Sequence[Bytes], others: Pieces) -> AsyncIterator[Bytes]:
    for piece in first:
        yield piece
    async for piece in others:
        yield piece


async def _failed(error: Exception) -> AsyncIterator[Bytes]:
    raise error
    yield b""

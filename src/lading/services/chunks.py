"""Chunks: the bytes that a request brings to an upload, and how they get there."""

from collections.abc import AsyncIterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from lading.core.digest import Bytes
from lading.core.errors import BlobTooLarge, SizeMismatch, UploadOutOfOrder
from lading.core.ranges import ByteRange
from lading.ports.uploads import StagedUpload
from lading.services.registry import Registry

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


async def receive(registry: Registry, staged: StagedUpload, chunk: Chunk) -> None:
    """Receive a chunk into an upload, once what it says of itself was checked.

    Raises:
        UploadOutOfOrder, SizeMismatch, BlobTooLarge, StorageFull: see `push_blob.append`.
    """
    named, most = chunk.range, registry.policy.max_blob_size
    if chunk.length != 0:
        await registry.uploads.require_space(chunk.length or 0)
    if named is not None:
        _require_next(named, chunk.length, staged.size)
    _require_small(staged.size + (chunk.length or 0), most)
    async for piece in chunk.pieces:
        _require_small(staged.size + len(piece), most)
        await staged.write(piece)
        if named is not None and staged.size > named.stop:
            break
    await staged.finish()
    if named is not None and staged.size != named.stop:
        raise _wrong_length(named)


def _require_next(named: ByteRange, length: int | None, size: int) -> None:
    """Go on only with a chunk that comes after `size` bytes, and is as long as its range."""
    if named.start != size:
        raise UploadOutOfOrder(
            f"the upload has {size} bytes; the next chunk must start there", size
        )
    if length is not None and length != named.length:
        raise _wrong_length(named)


def _require_small(size: int, most: int | None) -> None:
    """Go on only if a blob may have so many bytes."""
    if most is not None and size > most:
        raise BlobTooLarge(f"blobs may have at most {most} bytes here", {"limit": most})


def _wrong_length(named: ByteRange) -> SizeMismatch:
    return SizeMismatch(f"Content-Range names {named.length} bytes; the body must have as many")


async def read_small(chunk: Chunk, small: int, limit: int | None = None) -> tuple[bytes, Chunk]:
    """All bytes of a chunk that may be all of an upload; and the chunk as if it was not read.

    No bytes if they are more than a small upload or any may have, or fewer than the chunk says.
    """
    most = small if limit is None else min(small, limit)
    if not (most and chunk.may_be_first(most)):
        return b"", chunk
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

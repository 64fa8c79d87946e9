"""Chunks: which are read before their upload is opened, and what is left to read of them then."""

from collections.abc import AsyncIterator, Sequence

import pytest

from lading.core.ranges import ByteRange
from lading.services.chunks import Chunk, read_small

MOST = 5


class Gone(Exception):
    """The client went away."""


async def arriving(*data: bytes, gone: bool = False) -> AsyncIterator[bytes]:
    for piece in data:
        yield piece
    if gone:
        raise Gone


@pytest.mark.parametrize(
    ("length", "named", "may_be"),
    [
        (5, None, True),
        (6, None, False),
        (0, None, False),
        (None, None, True),
        (5, ByteRange(0, 5), True),
        (5, ByteRange(5, 10), False),
        (5, ByteRange(0, 4), False),
        (None, ByteRange(0, 5), False),
    ],
)
def test_a_chunk_may_be_all_of_an_upload_unless_it_says_otherwise(
    length: int | None, named: ByteRange | None, may_be: bool
) -> None:
    assert Chunk(arriving(), named, length).may_be_first(MOST) == may_be


@pytest.mark.parametrize(
    ("came", "length", "whole"),
    [
        ([b"hello"], 5, b"hello"),
        ([b"hello"], None, b"hello"),
        ([], None, b""),
        ([b"hello!"], None, b""),
        ([b"hello", b"world"], None, b""),
        ([b"hell"], 5, b""),
    ],
)
async def test_what_was_read_of_a_chunk_can_be_read_again(
    came: Sequence[bytes], length: int | None, whole: bytes
) -> None:
    data, again = await read_small(Chunk(arriving(*came), length=length), MOST)
    assert data == whole
    assert b"".join([bytes(piece) async for piece in again.pieces]) == b"".join(came)


@pytest.mark.parametrize("came", [[], [b"hel"], [b"hello, world"]])
async def test_what_came_before_a_client_went_away_is_read_before_that_is_told(
    came: Sequence[bytes],
) -> None:
    """And where nothing has come, nothing is waited for."""
    chunk = Chunk(arriving(*came, gone=True))
    if not came:
        with pytest.raises(Gone):
            await read_small(chunk, MOST)
        return
    data, again = await read_small(chunk, MOST)
    assert data == b""
    assert [await anext(again.pieces) for _ in came] == came
    with pytest.raises(Gone):
        await anext(again.pieces)

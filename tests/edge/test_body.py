"""Bodies in pieces: however they arrive, what is written to a disk is cut alike."""

import ctypes
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.core.digest import Bytes
from lading.edge.asgi import Message, Receive
from lading.edge.body import (
    BUFFERS,
    HUGE_PAGE,
    MADE,
    PIECE,
    SMALL_PIECE,
    Buffers,
    ClientDisconnected,
    new_buffer,
    read_pieces,
)
from lading.edge.budget import MEMORY
from lading.system.room import Budget

sizes = st.lists(
    st.sampled_from([0, 1, 65_536, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE - 7]),
    max_size=6,
)


@given(sizes)
async def test_all_pieces_but_the_last_are_whole(sizes: list[int]) -> None:
    """And together they are the body."""
    sent = [bytes([number]) * size for number, size in enumerate(sizes, 1)]

    pieces = await _read(_messages(sent))

    assert b"".join(pieces) == b"".join(sent)
    assert [len(piece) for piece in pieces[:-1]] == [PIECE] * (len(pieces) - 1)
    assert all(0 < len(piece) <= PIECE for piece in pieces)


@given(sizes)
async def test_what_came_of_a_body_that_ends_early_is_kept(sizes: list[int]) -> None:
    """To the last byte; then it is told that the client is gone."""
    sent = [bytes([number]) * size for number, size in enumerate(sizes, 1)]
    messages = [{**message, "more_body": True} for message in _messages(sent)]

    found: list[bytes] = []
    with pytest.raises(ClientDisconnected):
        await _read([*messages, {"type": "http.disconnect"}], found)

    assert b"".join(found) == b"".join(sent)


async def test_a_whole_piece_is_not_copied() -> None:
    """Nor is a body that comes at once."""
    whole, small = new_buffer(PIECE), b"small"
    messages = _messages([whole, small])
    found = [piece async for piece in read_pieces(_receiver(messages), Budget(MEMORY))]
    assert found[0] is whole
    assert found[1] is small


async def test_while_many_bodies_are_on_their_way_the_others_come_in_small_pieces() -> None:
    """Each byte of theirs, all the same; and in whole pieces again when there is memory."""
    sent = [b"a" * (PIECE - 1), b"b" * (PIECE + 7), b""]
    memory, others = Budget(MEMORY), list[Buffers]()
    while (buffers := Buffers.if_affordable(PIECE, memory)) is not None:
        others.append(buffers)
    assert len(others) == MEMORY // (MADE * PIECE)

    pieces = await _read(_messages(sent), memory=memory)
    assert b"".join(pieces) == b"".join(sent)
    assert {len(piece) for piece in pieces[:-1]} == {SMALL_PIECE}

    del others[0], buffers
    pieces = await _read(_messages(sent), memory=memory)
    assert b"".join(pieces) == b"".join(sent)
    assert [len(piece) for piece in pieces] == [PIECE, PIECE, 6]


@pytest.mark.parametrize("size", [SMALL_PIECE, PIECE - 4096, PIECE, PIECE + 4096])
def test_a_buffer_is_filled_again_when_the_second_one_after_it_was_asked_for(size: int) -> None:
    """Not before: both before it are still worked on. All are of whole pages."""
    buffers = Buffers(size, Budget(MEMORY))
    turns = [buffers.turn() for _ in range(3 * BUFFERS)]
    for number, turn in enumerate(turns):
        assert len(turn) == size
        assert _address(turn) % 4096 == 0
        turn[:] = bytes([number]) * size
        for before in range(max(0, number - 2), number):
            assert turns[before][0] == turns[before][-1] == before


def test_the_large_pieces_behind_the_first_lie_together_in_huge_pages() -> None:
    """A disk takes each of them at once then; who sends little takes little."""
    buffers = Buffers(PIECE, Budget(MEMORY))
    first, *others = (_address(buffers.turn()) for _ in range(MADE))

    start = min(others)
    assert start % HUGE_PAGE == 0
    assert sorted(others) == [start + number * PIECE for number in range(BUFFERS)]
    assert not start - PIECE < first < start + BUFFERS * PIECE


def _address(buffer: memoryview) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))


async def _read(
    messages: Sequence[Message], found: list[bytes] | None = None, memory: Budget | None = None
) -> list[bytes]:
    found = [] if found is None else found
    async for piece in read_pieces(_receiver(messages), memory or Budget(MEMORY)):
        found.append(bytes(piece))
    return found


def _messages(sent: Sequence[Bytes]) -> list[Message]:
    last = len(sent) - 1
    return [
        {"type": "http.request", "body": data, "more_body": number < last}
        for number, data in enumerate(sent)
    ] or [{"type": "http.request", "body": b"", "more_body": False}]


def _receiver(messages: Sequence[Message]) -> Receive:
    rest = iter(messages)

    async def receive() -> Message:
        return next(rest)

    return receive

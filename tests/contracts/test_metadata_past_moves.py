"""What every `Metadata` promises of histories of tags: they have an end, and it is the newest."""

from itertools import count

import pytest

from lading.core.names import RepositoryName, Tag
from lading.metadata import batches, past_moves
from lading.metadata.metadata import Metadata
from lading.metadata.past_moves import FIRST, TagKey
from tests.support.contents import HELLO, OTHER, image
from tests.support.rows import add, delete, push

TURNS = (image(b"one", b"layer"), image(b"two", b"layer"))


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep few moves, and look at few at once."""
    monkeypatch.setattr(past_moves, "MOST_MOVES", 3)
    monkeypatch.setattr(past_moves, "_COUNTED", 7)
    monkeypatch.setattr(past_moves, "_REMOVALS", 2)
    monkeypatch.setattr(batches, "MOST_ROWS", 2)


async def move(
    metadata: Metadata, tag: str, times: int, *, of: RepositoryName = HELLO, at: float = 0
) -> None:
    """Move a tag so many times, a second apart."""
    for turn, seconds in zip(range(times), count(at), strict=False):
        await add(metadata, b"one", b"two", b"layer", to=of)
        await push(metadata, TURNS[turn % 2], tag, to=of, at=seconds)


async def moves(metadata: Metadata, tag: str, of: RepositoryName = HELLO) -> list[float]:
    """The times of the moves that are known of a tag, the newest first."""
    return [move.at for move in await metadata.tags.history(of, Tag(tag), limit=100)]


async def forget_oldest(metadata: Metadata) -> int:
    """Forget what all tags have too much of; how much at once, at most."""
    after: TagKey | None = FIRST
    most = 0
    while after is not None:
        long, after = await metadata.past_moves.long_histories(after=after)
        for key in long:
            while some := await metadata.past_moves.forget_oldest(key):
                most = max(most, some)
    return most


async def test_of_a_tag_the_newest_are_known(metadata: Metadata) -> None:
    """However many there were, and wherever a look at some of them ended."""
    for tag, times in (("a", 2), ("b", 9), ("c", 4), ("d", 1), ("e", 20)):
        await move(metadata, tag, times)
    await move(metadata, "a", 5, of=OTHER)
    assert await forget_oldest(metadata) == 2
    assert await moves(metadata, "a") == [1, 0]
    assert await moves(metadata, "b") == [8, 7, 6]
    assert await moves(metadata, "c") == [3, 2, 1]
    assert await moves(metadata, "d") == [0]
    assert await moves(metadata, "e") == [19, 18, 17]
    assert await moves(metadata, "a", OTHER) == [4, 3, 2]
    assert await forget_oldest(metadata) == 0


async def test_of_a_tag_that_is_gone_nothing_is_known_after_a_while(metadata: Metadata) -> None:
    await move(metadata, "gone", 4)
    await delete(metadata, "gone", at=10)
    await move(metadata, "back", 2)
    await delete(metadata, "back", at=10)
    await move(metadata, "back", 2, at=20)
    await move(metadata, "there", 2)
    await delete(metadata, "there", at=30)
    while some := await metadata.past_moves.forget_removed(before=10):
        assert some <= 2
    assert await moves(metadata, "gone") == []
    assert await moves(metadata, "back") == [21, 20]
    assert await moves(metadata, "there") == [30, 1, 0]


async def test_the_number_of_a_move_is_never_that_of_another(metadata: Metadata) -> None:
    """By numbers it is told what has changed since somebody looked."""
    await move(metadata, "gone", 2)
    await delete(metadata, "gone", at=10)
    before = await metadata.exports.last_change()
    while await metadata.past_moves.forget_removed(before=10):
        pass
    assert await moves(metadata, "gone") == [10, 1, 0]
    await move(metadata, "new", 1)
    assert await metadata.exports.last_change() != before

"""What is forgotten of tags by itself: no more than nobody asks for."""

import logging
from dataclasses import replace

import pytest

from lading.core.names import Tag
from lading.services import jobs, lease
from tests.support.contents import HELLO
from tests.support.people import DAY, People

YEAR = 365 * DAY


async def moves(people: People, tag: str) -> int:
    return len(await people.metadata.tags.history(HELLO, Tag(tag), limit=10_000))


async def forget_moves(people: People) -> None:
    """As a worker does."""
    async with lease.claim(people.registry, jobs.FORGET, "worker") as held:
        assert held is not None
        await jobs.forget_moves(people.registry, held)


async def push_and_delete(people: People) -> None:
    await people.push_image(b"one", "gone", "kept")
    await people.delete("gone")
    await people.push_image(b"one", "newer")


async def test_a_tag_that_is_gone_has_no_history_after_a_year(
    people: People, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await push_and_delete(people)
    people.now += YEAR - 1
    await forget_moves(people)
    assert (await moves(people, "gone"), caplog.messages) == (2, [])
    people.now += 1
    await forget_moves(people)
    assert (await moves(people, "gone"), await moves(people, "kept")) == (0, 1)
    assert caplog.messages == ["2 past moves of tags were forgotten"]


async def test_what_can_be_restored_has_a_history(people: People) -> None:
    """However long the trash is kept."""
    people.registry = replace(
        people.registry, policy=replace(people.registry.policy, trash=2 * YEAR)
    )
    await push_and_delete(people)
    people.now += 2 * YEAR - 1
    await forget_moves(people)
    assert await moves(people, "gone") == 2


async def test_a_tag_that_moves_all_the_time_has_a_history_of_a_thousand(people: People) -> None:
    await people.push_image(b"one", "latest")
    await people.push_image(b"two", "latest")
    await people.metadata.database.write(
        lambda connection: connection.execute(
            "INSERT INTO tag_history (repository_id, tag, digest, previous, actor, at)"
            " SELECT repository_id, tag, digest, previous, actor, at FROM tag_history,"
            " json_each(?) WHERE previous IS NOT NULL",
            (f"[{', '.join('0' * 1500)}]",),
        )
    )
    await forget_moves(people)
    assert await moves(people, "latest") == 1000

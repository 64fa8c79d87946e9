"""The survey: what is found out of the registry as a whole, and what is told once it is old."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from lading.blobs.stores import Stores
from lading.core.errors import Unavailable
from lading.databases.sqlite.memory import MemoryDatabase
from lading.metadata.metadata import Metadata
from lading.monitoring import survey
from lading.monitoring.exposition import render
from lading.monitoring.memory import Fact, Figures
from tests.support.metrics import figures as read
from tests.support.people import People

TIMES = {
    "lading_facts_timestamp_seconds",
    "lading_facts_expire_timestamp_seconds",
    "lading_facts_attempt_timestamp_seconds",
}


@pytest.fixture
async def people() -> AsyncIterator[People]:
    """A registry with an image."""
    people = People(Metadata(MemoryDatabase()), Stores.in_memory())
    await people.push_image(b"one", "latest")
    yield people
    await people.metadata.close()


async def surveys(people: People, figures: Figures, rests: int) -> None:
    """Let a worker survey the registry, for so many rests."""

    class Over(Exception):
        """There are no more rests."""

    async def sleep(seconds: float) -> None:
        nonlocal rests
        if rests == 0:
            raise Over
        rests -= 1
        people.now += seconds

    with pytest.raises(Over):
        await survey.keep(people.registry, figures.facts, None, sleep)


def told(people: People, figures: Figures) -> dict[str, float]:
    """What is told of the registry as a whole."""
    text = render(figures, driver="filesystem", now=people.now, accepted="")[1].decode()
    mine = ("lading_facts", "lading_tags", "lading_blobs", "lading_garbage")
    return {name: value for name, value in read(text).items() if name.startswith(mine)}


async def fail(*_: object) -> None:
    raise Unavailable("the database is gone")


async def test_what_was_found_out_is_told_with_its_time(people: People) -> None:
    figures, began = Figures(1), people.now
    await surveys(people, figures, rests=0)
    found = told(people, figures)
    assert found["lading_tags"] == 1
    assert found["lading_facts_timestamp_seconds"] == began
    assert found["lading_facts_expire_timestamp_seconds"] > began + survey.INTERVAL


async def test_what_cannot_be_found_out_again_grows_old_and_is_told_no_more(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that is gone, or a worker that stands still, does not keep it fresh."""
    figures, began = Figures(1), people.now
    await surveys(people, figures, rests=0)
    monkeypatch.setattr(survey, "survey", fail)
    people.now += survey.INTERVAL
    await surveys(people, figures, rests=1)
    found = told(people, figures)
    assert found["lading_tags"] == 1
    assert found["lading_facts_timestamp_seconds"] == began
    assert found["lading_facts_attempt_timestamp_seconds"] > began + survey.INTERVAL

    await surveys(people, figures, rests=survey.GOOD_FOR + 1)
    assert set(told(people, figures)) == TIMES
    monkeypatch.undo()
    people.now += survey.INTERVAL
    await surveys(people, figures, rests=0)
    assert told(people, figures)["lading_tags"] == 1


async def test_of_several_workers_one_surveys(people: People) -> None:
    """Also where it takes long: the others see that it has begun."""
    figures = Figures(2)
    began = asyncio.Event()
    begun = 0
    find = people.metadata.read_only.find

    async def slowly() -> object:
        nonlocal begun
        begun += 1
        began.set()
        await asyncio.sleep(0.1)
        return await find()

    people.metadata.read_only.find = slowly  # type: ignore[method-assign,assignment]
    first = asyncio.ensure_future(surveys(people, figures, rests=0))
    await began.wait()
    await surveys(people, figures, rests=0)
    await first
    assert begun == 1
    assert figures.facts[Fact.FOUND_OUT_AT] == people.now

"""Tasks beside a server: what goes wrong in one of them is said, and does not end it."""

import asyncio

import pytest

from lading.core.errors import Unavailable
from lading.wiring.tasks import written_down


async def test_notes_are_written_down_again_after_a_failure_of_any_kind(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tries, again = 0, asyncio.Event()

    async def write_down() -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise ZeroDivisionError
        again.set()

    async with written_down("notes", write_down, 0.01):
        await asyncio.wait_for(again.wait(), 60)
    assert "notes could not be written down" in caplog.text
    assert "ZeroDivisionError" in caplog.text


async def test_what_is_being_written_down_at_the_end_is_written() -> None:
    """And then what was noted meanwhile."""
    begun, free, written = asyncio.Event(), asyncio.Event(), []

    async def write_down() -> None:
        begun.set()
        await free.wait()
        written.append(1)

    async def note() -> None:
        async with written_down("notes", write_down, 0.01):
            await asyncio.wait_for(begun.wait(), 60)

    noting = asyncio.create_task(note())
    await asyncio.wait_for(begun.wait(), 60)
    for _ in range(10):  # until the block has ended
        await asyncio.sleep(0)
    free.set()
    await noting
    assert written == [1, 1]


async def test_notes_that_the_database_does_not_take_are_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """In a line, as it is no failure of the program."""

    async def write_down() -> None:
        raise Unavailable("it is away")

    async with written_down("the last pulls", write_down, 60):
        pass
    assert caplog.messages == ["the last pulls cannot be written down: it is away"]
    assert "Traceback" not in caplog.text

"""Tasks beside a server: what goes wrong in one of them is said, and does not end it."""

import asyncio

import pytest

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

    async with written_down(write_down, 0.01):
        await asyncio.wait_for(again.wait(), 60)
    assert "notes could not be written down" in caplog.text
    assert "ZeroDivisionError" in caplog.text

"""Turns on the event loop: others have theirs while something is made."""

import asyncio
import threading

import pytest

from lading.system import turns


async def test_others_have_their_turn_while_much_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "TURN", 0.0)
    taken = 0

    async def take_turns() -> None:
        nonlocal taken
        while True:
            await asyncio.sleep(0)
            taken += 1

    others = asyncio.create_task(take_turns())
    made = await turns.make_each(str, range(50))
    others.cancel()
    assert made == [str(number) for number in range(50)]
    assert taken >= 49


@pytest.mark.parametrize("more", [0, 1])
async def test_what_is_large_is_read_in_a_thread(more: int) -> None:
    here = threading.get_ident()
    found = await turns.off_loop(turns.MOST_ON_LOOP + more, threading.get_ident)
    assert (found != here) == bool(more)

"""Turns on the event loop: others have theirs while something is made."""

import threading

import pytest

from lading.system import threads
from tests.support.turns import others


async def test_others_have_their_turn_while_much_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "TURN", 0.0)
    with others() as waiting:
        made = await threads.make_each(str, range(50))
    assert made == [str(number) for number in range(50)]
    assert waiting.turns >= 49


@pytest.mark.parametrize("more", [0, 1])
async def test_what_is_large_is_read_in_a_thread(more: int) -> None:
    here = threading.get_ident()
    found = await threads.off_loop(threads.MOST_ON_LOOP + more, threading.get_ident)
    assert (found != here) == bool(more)

"""The pace of large bodies: one client cannot take all the time that there is for them."""

import asyncio
import time

import pytest

from lading.edge.asgi import UNHURRIED, Message
from lading.edge.body import whole_body
from lading.edge.budget import PACE, PACE_BURST, BodyBudgets, Pace
from lading.edge.request import Request
from tests.edge.requests import request

PIECE = 64 * 1024


class Clock:
    """Seconds that a test lets pass."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited each time; nobody really does."""
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", wait)
    return waits


async def test_who_sends_much_at_once_has_to_wait(waits: list[float]) -> None:
    """As long as it takes until that is not too much any more; longer, if more is under way."""
    pace = Pace(Clock())
    await pace.keep("one", PACE_BURST)
    assert waits == []

    await pace.keep("one", PACE // 4)
    await pace.keep("one", PACE // 4)

    assert waits == pytest.approx([0.25, 0.5])


async def test_others_do_not_wait_for_who_sends_much(waits: list[float]) -> None:
    pace = Pace(Clock())
    await pace.keep("one", 100 * PACE)
    waits.clear()

    await pace.keep("another", PACE_BURST)

    assert waits == []


async def test_who_has_waited_may_send_again(waits: list[float]) -> None:
    clock = Clock()
    pace = Pace(clock)
    await pace.keep("one", PACE_BURST + PACE)
    clock.now += 1 + PACE_BURST / PACE
    waits.clear()

    await pace.keep("one", PACE_BURST)

    assert waits == []


async def test_a_large_body_is_received_at_its_clients_pace(waits: list[float]) -> None:
    """By its address, not by its connection; a small one, or the end of one, waits for nothing."""
    budgets = BodyBudgets(pace=Pace(Clock()))
    pieces = PACE_BURST // PIECE // 2
    for _ in range(2):
        assert await _receive(budgets, "192.0.2.7", pieces + 1) == (pieces + 1) * PIECE
    assert waits == []

    await _receive(budgets, "192.0.2.7", 1)
    assert waits == []
    await _receive(budgets, "192.0.2.8", 3)
    assert waits == []
    await _receive(budgets, "192.0.2.7", 3)
    assert waits == pytest.approx([PIECE / PACE, 2 * PIECE / PACE])


async def test_nothing_is_read_ahead_of_a_whole_body() -> None:
    """The server is told: what waits in memory while a client keeps its pace is multiplied."""
    manifest = _manifest("192.0.2.7", 3)
    async with whole_body(manifest, PACE, BodyBudgets()):
        assert manifest.scope[UNHURRIED]


async def test_the_pace_is_kept_by_the_clock() -> None:
    pace = Pace()
    began = time.monotonic()

    await pace.keep("one", PACE_BURST)
    await pace.keep("one", PACE // 20)

    assert 0.04 < time.monotonic() - began < 5


async def _receive(budgets: BodyBudgets, address: str, pieces: int) -> int:
    async with whole_body(_manifest(address, pieces), 100 * PACE, budgets) as body:
        assert body is not None
        return len(body)


def _manifest(address: str, pieces: int) -> Request:
    left = pieces

    async def receive() -> Message:
        nonlocal left
        left -= 1
        return {"type": "http.request", "body": bytes(PIECE), "more_body": left > 0}

    made = request("PUT", "/v2/app/manifests/latest", peer=address)
    made.address = address
    made.receive = receive  # type: ignore[method-assign]
    return made

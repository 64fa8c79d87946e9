"""Work that is done once for all who ask for it at the same time."""

import asyncio

import pytest

from lading.core.errors import Unavailable
from lading.system.gathering import SingleFlight


class Work:
    """Takes until it may end; counts how often it was begun."""

    def __init__(self) -> None:
        self.begun = 0
        self.may_end = asyncio.Event()

    async def __call__(self) -> str:
        self.begun += 1
        await self.may_end.wait()
        return "done"


async def test_whoever_asks_meanwhile_gets_the_same() -> None:
    """Whoever asks later makes it begin once more; another key is other work."""
    flights: SingleFlight[str, str] = SingleFlight()
    work, other = Work(), Work()
    asking = [flights.join("a", work) for _ in range(5)] + [flights.join("b", other)]
    await asyncio.sleep(0)
    assert "a" in flights
    work.may_end.set()
    other.may_end.set()
    assert await asyncio.gather(*asking) == ["done"] * 6
    assert (work.begun, other.begun) == (1, 1)
    assert "a" not in flights
    assert await flights.join("a", work) == "done"
    assert work.begun == 2


async def test_it_goes_on_if_those_who_asked_give_up() -> None:
    """Others may want it."""
    flights: SingleFlight[str, str] = SingleFlight()
    work = Work()
    first = asyncio.create_task(asyncio.wait_for(flights.join("a", work), 10))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    second = flights.join("a", work)
    work.may_end.set()
    assert await second == "done"
    assert work.begun == 1


async def test_what_goes_wrong_goes_wrong_for_all() -> None:
    """And is over then."""
    flights: SingleFlight[str, None] = SingleFlight()

    async def fail() -> None:
        raise Unavailable

    for asking in [flights.join("a", fail) for _ in range(2)]:
        with pytest.raises(Unavailable):
            await asking
    assert "a" not in flights

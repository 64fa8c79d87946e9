"""The clock that replicas go by: the database's, whatever their machines say."""

import asyncio
import time

import pytest

from lading.core.errors import Unavailable
from lading.databases.sqlite.memory import MemoryDatabase
from lading.metadata.metadata import Metadata
from lading.wiring import clock as module
from lading.wiring.clock import open_clock


async def test_it_is_the_databases(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is wrong by hours goes by it as well, and its log says so."""
    metadata = Metadata(MemoryDatabase())
    real = time.time()
    assert await metadata.times.now() == pytest.approx(real, abs=1)
    async with open_clock(metadata.times) as right:
        monkeypatch.setattr(time, "time", lambda: real + 7200)
        async with open_clock(metadata.times) as wrong:
            assert right() == pytest.approx(wrong(), abs=0.1)
            assert right() == pytest.approx(real, abs=5)


async def test_a_wrong_clock_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    metadata = Metadata(MemoryDatabase())
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 7200)
    async with open_clock(metadata.times):
        assert "7200 seconds behind the database's" in caplog.text


@pytest.mark.parametrize("failure", [Unavailable("away"), MemoryError("away")])
async def test_it_goes_on_while_the_database_is_away(
    failure: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """By itself, and is set right afterwards."""
    metadata = Metadata(MemoryDatabase())
    monkeypatch.setattr(module, "INTERVAL", 0.01)

    async def away() -> float:
        raise failure

    async with open_clock(metadata.times) as clock:
        monkeypatch.setattr(metadata.times, "now", away)
        before = clock()
        while caplog.text.count("cannot be asked: away") < 2:
            await asyncio.sleep(0.01)
        assert before < clock() < before + 5

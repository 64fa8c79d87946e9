"""Objects that are given up while the store has not let go of them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from lading.blobs.s3 import object_writer
from lading.blobs.s3.object_store import ObjectStore
from lading.blobs.s3.object_writer import MEMORY, WHOLE, ObjectWriter
from lading.blobs.s3.waiting_files import WaitingRoom
from lading.system.room import Budget

MIB = 1024 * 1024


class Hanging:
    """A store that takes no piece, and lets go of an object some time after it is told to.

    Attributes:
        lets_go: when it does.
    """

    def __init__(self) -> None:
        self.lets_go = asyncio.Event()
        self.is_told = asyncio.Event()

    async def put_pieces(self, _key: str, _pieces: AsyncIterator[bytes]) -> int:
        """Stand still."""
        try:
            await asyncio.Event().wait()
        finally:
            self.is_told.set()
            await self.lets_go.wait()
        return 0


class Place:
    """A large object that is written to a store that hangs, and the memory for all."""

    def __init__(self, directory: Path) -> None:
        self.store = Hanging()
        self.budget = Budget(MEMORY)
        store = cast("ObjectStore", self.store)
        self.writer = ObjectWriter(store, self.budget, WaitingRoom(directory), "key")

    async def write(self) -> None:
        """Write as much that the store is told of it."""
        for _ in range(WHOLE // MIB + 1):
            assert await self.writer.accept(bytes(MIB))

    async def require_given_back(self) -> None:
        """The memory is given back when the store has let go, and not before."""
        await self.store.is_told.wait()
        assert not self.budget.has(MEMORY)
        self.store.lets_go.set()
        async with asyncio.timeout(60):
            while not self.budget.has(MEMORY):
                await asyncio.sleep(0)
        assert not self.budget.has(MEMORY + 1)


async def test_a_store_that_hangs_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_writer, "GIVING_UP", 0.05)
    place = Place(tmp_path)
    await place.write()
    async with asyncio.timeout(60):
        await place.writer.abandon()
    await place.require_given_back()


async def test_what_is_given_up_twice_gives_its_memory_back_once(tmp_path: Path) -> None:
    """The request that gives it up may be cancelled itself, as its client's connection ends."""
    place = Place(tmp_path)
    await place.write()
    giving_up = asyncio.create_task(place.writer.abandon())
    await asyncio.sleep(0.05)
    giving_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await giving_up
    await place.writer.abandon()
    await place.require_given_back()


async def test_an_object_that_cannot_be_ended_keeps_its_memory_until_it_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the store has its pieces at hand."""
    monkeypatch.setattr(object_writer, "GIVING_UP", 0.05)
    place = Place(tmp_path)
    await place.write()
    for _ in range(object_writer.WAITING - 1):
        await place.writer.accept(bytes(MIB))
    ending = asyncio.create_task(place.writer.store())  # no room for the word that it ends
    await asyncio.sleep(0.05)
    ending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ending
    assert not place.budget.has(MEMORY)
    await place.writer.abandon()
    await place.require_given_back()

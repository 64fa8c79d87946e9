"""Transactions that stand still until they are told to go on."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from lading.core.typing import T
from lading.metadata.metadata import Metadata
from lading.ports.database import SqlConnection, Work

# Seconds in which something would have happened, and after which nobody waits any more.
MOMENT, LONG = 0.3, 20.0


class Halt:
    """A place within a transaction, at which it stands still until it is told to go on."""

    def __init__(self) -> None:
        self._is_reached, self._goes_on = threading.Event(), threading.Event()

    def __call__(self) -> None:
        """Stand still, in a thread of the database."""
        self._is_reached.set()
        assert self._goes_on.wait(LONG)

    async def reached(self) -> None:
        """Wait until it stands still."""
        assert await asyncio.to_thread(self._is_reached.wait, LONG)

    def go_on(self) -> None:
        """Let it go on."""
        self._goes_on.set()


@asynccontextmanager
async def halted(
    metadata: Metadata,
    changing: Callable[[], Awaitable[object]],
    monkeypatch: pytest.MonkeyPatch,
    *,
    at_its_end: bool,
) -> AsyncIterator[tuple[Halt, "asyncio.Future[object]"]]:
    """A change that stands still in its transaction, at the beginning or before it commits."""
    halt, write = Halt(), metadata.database.write

    async def write_and_halt(work: Work[T], **options: Any) -> T:
        def halting(connection: SqlConnection) -> T:
            if not at_its_end:
                halt()
            result = work(connection)
            if at_its_end:
                halt()
            return result

        return await write(halting, **options)

    with monkeypatch.context() as patch:
        patch.setattr(metadata.database, "write", write_and_halt)
        running = asyncio.ensure_future(changing())
        await halt.reached()
    try:
        yield halt, running
    finally:
        halt.go_on()
        await asyncio.wait([running])


async def is_waiting(running: "asyncio.Future[Any]") -> bool:
    """Whether something is not over after a while."""
    return not (await asyncio.wait([running], timeout=MOMENT))[0]

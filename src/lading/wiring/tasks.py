"""Tasks that go on beside something, for as long as that is open."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager

log = logging.getLogger(__name__)


@asynccontextmanager
async def running(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """A task beside a block, cancelled at its end."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


@asynccontextmanager
async def written_down(
    write_down: Callable[[], Awaitable[None]], interval: float
) -> AsyncIterator[None]:
    """Notes that are taken beside a block: written down every `interval` seconds and at its end."""
    try:
        async with running(_write_down_for_ever(write_down, interval)):
            yield
    finally:
        await write_down()


async def _write_down_for_ever(write_down: Callable[[], Awaitable[None]], interval: float) -> None:
    while True:
        await asyncio.sleep(interval)
        try:
            await write_down()
        except Exception:  # what was not expected: the next ones are to be written all the same
            log.exception("notes could not be written down")

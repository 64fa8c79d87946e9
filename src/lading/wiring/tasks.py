"""Tasks that go on beside something, for as long as that is open."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress

from lading.core.errors import RegistryError

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
    what: str, write_down: Callable[[], Awaitable[None]], interval: float
) -> AsyncIterator[None]:
    """Notes that are taken beside a block: written down every `interval` seconds and at its end.

    What is just being written down then is not given up: who writes has it in no other place.

    Args:
        what: was noted, for the log.
        write_down: keeps them until it is called again if it raises.
    """
    ending = asyncio.Event()
    task = asyncio.create_task(_write_down_until(ending, what, write_down, interval))
    try:
        yield
    finally:
        ending.set()
        await asyncio.wait([task])


async def _write_down_until(
    ending: asyncio.Event, what: str, write_down: Callable[[], Awaitable[None]], interval: float
) -> None:
    has_ended = False
    while not has_ended:
        with suppress(TimeoutError):
            has_ended = await asyncio.wait_for(ending.wait(), interval)
        try:
            await write_down()
        except RegistryError as error:
            log.warning("%s cannot be written down: %s", what, error)
        except Exception:  # what was not expected: the next ones are to be written all the same
            log.exception("%s could not be written down", what)

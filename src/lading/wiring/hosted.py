"""Registry of a configuration inside another program, whose loop and whose logging it uses."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from lading.config.settings import Settings
from lading.edge.asgi import Application
from lading.wiring.application import WorkerParts, open_application
from lading.wiring.start import prepared


@asynccontextmanager
async def open_hosted(settings: Settings) -> AsyncIterator[Application]:
    """The protocol of a registry for the length of a block; its jobs run beside it.

    The program is one worker, whatever the settings say.

    Raises:
        DataUnusable, CannotOpen, AuthUnusable, AuditUnusable: as `prepared`.
    """
    alone = settings.model_copy(update={"http": settings.http.model_copy(update={"workers": 1})})
    preparation = prepared(alone, forks=False)
    async with AsyncExitStack() as stack:
        # It runs loops of its own.
        files = await asyncio.to_thread(preparation.__enter__)
        stack.push_async_callback(asyncio.to_thread, preparation.__exit__, None, None, None)
        opened = await stack.enter_async_context(
            open_application(alone, None, WorkerParts(files=files))
        )
        yield opened.api

"""The life of an application: it opens what it serves before the first request, and closes it.

ASGI's lifespan protocol (https://asgi.readthedocs.io/en/latest/specs/lifespan.html).
"""

import asyncio
import logging

from lading.edge.asgi import Application, Message

log = logging.getLogger(__name__)


class StartFailed(Exception):
    """The application cannot serve; the message says why."""


class Lifespan:
    """The life of one application."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._events: asyncio.Queue[Message] = asyncio.Queue()
        self._answers: asyncio.Queue[Message] = asyncio.Queue()
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Have the application open what it serves.

        Raises:
            StartFailed: it could not.
        """
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        life = self._application(scope, self._events.get, self._answers.put)
        self._running = asyncio.ensure_future(life)
        answer = await self._tell("lifespan.startup")
        if answer["type"] != "lifespan.startup.complete":
            raise StartFailed(answer.get("message", ""))

    async def end(self) -> None:
        """Have the application close everything."""
        answer = await self._tell("lifespan.shutdown")
        if answer["type"] != "lifespan.shutdown.complete":
            log.error("the application did not end well: %s", answer.get("message", ""))

    async def _tell(self, event: str) -> Message:
        """Tell the application; what it answers, or that it failed without an answer."""
        assert self._running is not None
        self._events.put_nowait({"type": event})
        answer = asyncio.create_task(self._answers.get())
        await asyncio.wait([self._running, answer], return_when=asyncio.FIRST_COMPLETED)
        if self._answers.empty() and not answer.done():
            answer.cancel()
            error = self._running.exception()
            if error is not None:
                log.error("the application failed", exc_info=error)
            return {"type": f"{event}.failed", "message": str(error or "it has ended already")}
        return await answer

"""Server in a thread: this program's own HTTP server, on a port of 127.0.0.1 that was free."""

import asyncio
import os
import socket
import ssl
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any

import uvloop

from lading.api.application import ALWAYS
from lading.core.typing import T
from lading.edge.asgi import Application
from lading.server.http.connection import Connection, Misdirected
from lading.server.http.connections import Connections
from lading.server.http.deadlines import timeouts
from lading.server.process.acceptor import Acceptor, Loads

ADDRESS = "127.0.0.1"
# Seconds that a connection may be idle, and bytes of a request's headers, as in the configuration.
_IDLE = 60.0
_HEADERS = 64 * 1024
_BACKLOG = 2048
# Seconds between looks for clients that stand still.
_SWEEP = 1.0
# Seconds that requests have to end once the server is told to.
_PATIENCE = 2.0
# Seconds between looks whether all connections are closed, and how many looks there are.
_POLL = 0.002
_LOOKS = 500
# Seconds after which what the thread is asked to do fails the test.
_MOST = 60.0


class ServerThread:
    """A server in a thread of this process, which ends with the process at the latest.

    Args:
        application: answers; it is called in the thread's loop.
        closing: closes what the application has, in the thread's loop, when no request is left.
        tls: what connections are secured with; `None` for plain HTTP.

    Attributes:
        host: as in the name of an image, `127.0.0.1:41233`.
    """

    def __init__(
        self,
        application: Application,
        closing: Callable[[], Coroutine[Any, Any, None]],
        tls: ssl.SSLContext | None,
    ) -> None:
        self._application = application
        self._closing = closing
        self._tls = tls
        self._listener = socket.create_server((ADDRESS, 0), backlog=_BACKLOG)
        self.host = "{}:{}".format(*self._listener.getsockname()[:2])
        self._loop = uvloop.new_event_loop()
        self._stopping = asyncio.Event()
        self._started = threading.Event()
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._run, name="lading-registry", daemon=True)
        self._thread.start()
        self._started.wait()

    def call(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The outcome of something that is done in the thread's loop.

        Raises:
            RuntimeError: the thread has ended, or is another process's.
        """
        if not self._thread.is_alive():
            raise RuntimeError(
                "this registry is closed"
                if os.getpid() == self._process
                else "this registry is of the process that made it; others ask it by HTTP"
            )
        return asyncio.run_coroutine_threadsafe(work(), self._loop).result(_MOST)

    def settle(self) -> None:
        """Wait until every answer that a client can have seen was noted by all who note it."""
        self.call(self._idle)

    def close(self) -> None:
        """Stop; whatever is on its way is cut off after a moment."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(_MOST)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        load, tls = Loads(1).of(0), self._tls
        self._connections = Connections(
            _HEADERS, ALWAYS, timeouts(_IDLE, _IDLE), on_lost=partial(load.add, -1)
        )
        acceptor = Acceptor(
            self._listener,
            load,
            partial(Connection, self._application, self._connections),
            None if tls is None else lambda: tls,
            decline=partial(Misdirected, self._application, self._connections),
        )
        self._started.set()
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), _SWEEP)
            self._connections.sweep(self._loop.time())
        acceptor.close()
        self._listener.close()
        await self._end()
        await self._closing()

    async def _end(self) -> None:
        self._connections.end()
        await self._idle()
        self._connections.abort()
        for task in list(self._connections.tasks):
            task.cancel()
        for _ in range(_LOOKS):
            await asyncio.sleep(_POLL)
            if not self._connections.tasks and not self._connections.open:
                break

    async def _idle(self) -> None:
        """Wait for requests that are being answered, but not for those that wait themselves."""
        if tasks := set(self._connections.tasks):
            await asyncio.wait(tasks, timeout=_PATIENCE)

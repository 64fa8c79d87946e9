"""A worker: one process that serves an application, with an end that cuts nobody off.

Told to stop, it goes on for a moment: requests that are on their way are still accepted, and every
response closes its connection. Then it stops listening, lets what has begun finish, and cuts only
what takes longer than the operator allows, or what a second signal says not to wait for.
"""

import asyncio
import itertools
import logging
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Sequence
from functools import partial

import uvloop

from lading.edge.asgi import Application
from lading.server.http.connection import Connection, Misdirected
from lading.server.http.connections import Connections
from lading.server.process.acceptor import Acceptor, Load
from lading.server.process.capacity import MOST, Capacity
from lading.server.process.lifespan import Lifespan, StartFailed
from lading.server.process.side_door import SideDoor
from lading.server.process.signals import SighupHandler

log = logging.getLogger(__name__)

# The status of a process whose application could not start.
STARTUP_FAILURE = 3
# Seconds that a worker goes on accepting after it was told to stop. A request that a client sent
# before that, on a new connection or on one that was idle, arrives within them.
FAREWELL = 0.5
# Seconds for requests that were cut off to let go of their files and locks.
UNWINDING = 5.0
# Seconds between looks whether the last request is done.
POLL = 0.05
# Seconds between looks for clients that stand still, and between two at files that may change.
SWEEP = 1
CHECK_INTERVAL = 5


class Worker:
    """Serves an application until it is told to stop.

    Args:
        load: how many it has, for the others to see.
        tls: see `Acceptor`.
        patience: seconds that requests may take to finish.
        reloads: called now and then, and for SIGHUP: files may have changed.
        side_door: for who watches the server, if there is one.
        has_parent: whether a parent ends it, if it is told to hurry.
    """

    def __init__(
        self,
        application: Application,
        connections: Connections,
        load: Load,
        *,
        patience: float,
        most_connections: int = MOST,
        tls: Callable[[], ssl.SSLContext] | None = None,
        reloads: Sequence[Callable[[], None]] = (),
        side_door: SideDoor | None = None,
        has_parent: bool = False,
    ) -> None:
        self._application = application
        self._connections = connections
        self._load = load
        self._patience = patience
        self._capacity = Capacity(most_connections, connections.guests)
        self._tls = tls
        self._reloads = reloads
        self._side_door = side_door
        self._stopping = asyncio.Event()
        self._has_parent = has_parent
        self._in_a_hurry = False

    def run(self, listener: socket.socket) -> None:
        """Serve the clients of a listener.

        Raises:
            SystemExit: the application could not start.
        """
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve(listener))

    def accept(self, listener: socket.socket) -> Acceptor:
        """Let clients in; the application is ready."""
        return Acceptor(
            listener,
            self._load,
            partial(Connection, self._application, self._connections),
            self._tls,
            capacity=self._capacity,
            decline=partial(Misdirected, self._application, self._connections),
        )

    async def _serve(self, listener: socket.socket) -> None:
        self._handle_signals()
        lifespan = Lifespan(self._application)
        try:
            await lifespan.start()
        except StartFailed as error:
            log.error("the server cannot start: %s", error)  # noqa: TRY400 - it says all
            sys.exit(STARTUP_FAILURE)
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self._watch())
            acceptor = self.accept(listener)
            if self._side_door is not None:
                self._side_door.open()
            await self._stopping.wait()
            if self._side_door is not None:
                self._side_door.leave()
            await self._end(acceptor, listener)
            if self._side_door is not None:
                self._side_door.close()
            watching.cancel()
        await lifespan.end()

    def _handle_signals(self) -> None:
        """Take signals for what they ask from now on; those that waited for this are due."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop)
        on_sighup = SighupHandler(reload=self._reload, stop=self._stop)
        loop.add_signal_handler(signal.SIGHUP, on_sighup)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP, signal.SIGINT})

    def _stop(self) -> None:
        """Stop; the second time, without waiting.

        With a parent that is the parent's to know. What is sent to all processes, as by Ctrl-C and
        by systemd, reaches a worker twice, the second time from its parent, and is one request.
        """
        self._in_a_hurry = self._stopping.is_set() and not self._has_parent
        self._stopping.set()

    def _reload(self) -> None:
        """Take up what has changed; what cannot be taken up changes nothing, whatever it is."""
        for reload in self._reloads:
            try:
                reload()
            except Exception:
                log.exception("a file that has changed was not taken up; what was in force stays")

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        for sweep in itertools.count():
            if sweep % CHECK_INTERVAL == 0:
                self._reload()
            self._connections.sweep(loop.time())
            if self._side_door is not None:
                self._side_door.sweep(loop.time())
            await asyncio.sleep(SWEEP)

    async def _end(self, acceptor: Acceptor, listener: socket.socket) -> None:
        """Take leave of the clients: politely, then for good."""
        self._connections.end_after_responses()
        await self._wait_for_clients(FAREWELL)
        acceptor.close()
        listener.close()
        self._connections.end()
        await self._wait_for_clients(self._patience)
        await self._cut_off()

    async def _wait_for_clients(self, seconds: float) -> None:
        """Wait until the last one has gone."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while loop.time() < deadline and not self._in_a_hurry:
            await asyncio.sleep(POLL)
            if not self._connections.open and not self._connections.tasks:
                return

    async def _cut_off(self) -> None:
        """Abort the connections that are left; their requests then put their things in order."""
        self._connections.abort()
        if tasks := self._connections.tasks:
            log.warning("%d requests did not finish in time and were cut off", len(tasks))
            await asyncio.wait(tasks, timeout=UNWINDING)
        for task in self._connections.tasks:
            task.cancel()

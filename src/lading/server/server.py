"""The server of one process: uvicorn's, with an end that cuts nobody off.

Told to stop, it goes on for a moment: requests that are on their way are still accepted, and every
response closes its connection. Then it stops listening, lets what has begun finish, and cuts only
what takes longer than the operator allows, or what a second signal says not to wait for.
"""

import asyncio
import logging
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import uvicorn

from lading.server.connection import Connection, Misdirected
from lading.server.room import MOST, Room
from lading.server.sharing import Acceptor
from lading.server.state import State

log = logging.getLogger(__name__)

# Seconds that a server goes on accepting after it was told to stop. A request that a client sent
# before that, on a new connection or on one that was idle, arrives within them.
FAREWELL = 0.5
# Seconds for requests that were cut off to let go of their files and locks.
UNWINDING = 5.0
# Seconds between looks whether the last request is done.
POLL = 0.05
# Seconds that a connection is kept between two requests, unless an operator says otherwise.
KEEP_ALIVE = 75 * 60.0
# Ticks of a tenth of a second between two looks for clients that stand still.
TICKS_BETWEEN_SWEEPS = 10


class Server(uvicorn.Server):
    """See the module.

    Attributes:
        patience: seconds that requests may take to finish.
        idle_timeout: seconds after which a client is left that neither sends nor takes anything.
        keep_alive: seconds that a connection is kept between two requests.
        room: how many connections there may be.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        state: State,
        *,
        patience: float,
        idle_timeout: float,
        keep_alive: float = KEEP_ALIVE,
        most_connections: int = MOST,
    ) -> None:
        super().__init__(config)
        self.server_state: State = state
        self.acceptors: list[Acceptor] = []
        self.patience = patience
        self.idle_timeout = idle_timeout
        self.keep_alive = keep_alive
        self.room = Room(most_connections, self._connections)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """While serving, the signals that mean "stop" are requests to stop."""
        stops = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in stops}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - Python's
        """Stop; the second time, without waiting.

        Ctrl-C reaches a worker twice, from the terminal and, as SIGTERM, from its parent: that is
        one request to stop.
        """
        self.force_exit = self.force_exit or sig in self._captured_signals
        self._captured_signals.append(sig)
        self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second; true to stop."""
        if counter % TICKS_BETWEEN_SWEEPS == 0:
            self._leave_idle_clients()
            self.server_state.look_at_clock()
        return await super().on_tick(counter)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open what is served, then let clients in."""
        await super().startup([])
        for listener in sockets or []:
            self.acceptors.append(
                Acceptor(
                    listener,
                    self.server_state.share,
                    self._connect,
                    self.config.ssl,
                    room=self.room,
                    decline=self._decline,
                )
            )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: politely, then for good."""
        self.server_state.ending = True
        for connection in self._connections():
            connection.end_after_response()
        await self._wait_for_clients(FAREWELL)
        for acceptor in self.acceptors:
            acceptor.close()
        for listener in sockets or []:
            listener.close()
        for connection in self._connections():
            connection.shutdown()
        await self._wait_for_clients(self.patience)
        await self._cut_off()
        await self.lifespan.shutdown()

    def _connect(self) -> Connection:
        return Connection(self.config.loaded_app, self.server_state)

    def _decline(self) -> Connection:
        """For a client that speaks HTTP where the other end is to be HTTPS."""
        return Misdirected(self.config.loaded_app, self.server_state)

    def _connections(self) -> Sequence[Connection]:
        known = self.server_state.connections
        return [connection for connection in known if isinstance(connection, Connection)]

    async def _wait_for_clients(self, seconds: float) -> None:
        """Wait until the last one has gone."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while loop.time() < deadline and not self.force_exit:
            await asyncio.sleep(POLL)
            if not self.server_state.connections and not self.server_state.tasks:
                return

    async def _cut_off(self) -> None:
        """Leave those who are still here; their requests then put their things in order."""
        for connection in self._connections():
            connection.transport.abort()
        if tasks := self.server_state.tasks:
            log.warning("%d requests did not finish in time and were cut off", len(tasks))
            await asyncio.wait(tasks, timeout=UNWINDING)
        for task in self.server_state.tasks:
            task.cancel()

    def _leave_idle_clients(self) -> None:
        now = asyncio.get_running_loop().time()
        for connection in self._connections():
            connection.leave_if_idle(now, self.idle_timeout, self.keep_alive)

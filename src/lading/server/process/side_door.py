"""A side door: another address of a worker, with an application and few connections of its own.

Who watches a server comes by it, so it is open as long as the worker lives: also while the worker
takes leave of its clients, and while these have taken all of its other connections.
"""

import socket
from functools import partial

from lading.edge.asgi import LEAVING, Application, Receive, Scope, Send
from lading.server.http.connection import Connection
from lading.server.http.connections import Connections
from lading.server.http.deadlines import timeouts
from lading.server.process.acceptor import Acceptor, Loads
from lading.server.process.capacity import Capacity

# Connections at once; and seconds that one may stand still, or be idle between two requests.
MOST = 64
IDLE = 30.0
KEEP_ALIVE = 300.0
_MOST_HEAD = 16 * 1024


class SideDoor:
    """Another address of a worker, by a listener that all workers share."""

    def __init__(self, listener: socket.socket, application: Application) -> None:
        self._listener = listener
        self._application = application
        # Whichever worker comes first: how many each of them has does not matter here.
        self._load = Loads(1).of(0)
        self._connections = Connections(
            _MOST_HEAD, {}, timeouts(IDLE, KEEP_ALIVE), on_lost=partial(self._load.add, -1)
        )
        self._acceptor: Acceptor | None = None
        self._leaving = False

    def open(self) -> None:
        """Accept connections."""
        self._acceptor = Acceptor(
            self._listener,
            self._load,
            partial(Connection, self._answer, self._connections),
            None,
            capacity=Capacity(MOST, self._connections.guests),
        )

    def leave(self) -> None:
        """Say from now on that nobody is to be sent here: the worker takes leave of its clients."""
        self._leaving = True

    def sweep(self, now: float) -> None:
        """End connections whose time is over."""
        self._connections.sweep(now)

    def close(self) -> None:
        """Accept no more connections, and close those that there are."""
        if self._acceptor is not None:
            self._acceptor.close()
        self._listener.close()
        self._connections.abort()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[LEAVING] = self._leaving
        await self._application(scope, receive, send)

"""The HTTP server, for targets that ask it through nothing but a real socket."""

import asyncio
import itertools
import socket
from functools import partial
from typing import Any

from lading.api.application import ALWAYS
from lading.edge.asgi import Application, Receive, Scope, Send
from lading.edge.body import ClientDisconnected
from lading.server.http.connections import Connections
from lading.server.http.deadlines import timeouts
from lading.server.process.acceptor import Loads
from lading.server.process.worker import Worker
from tests.fuzz.registry import directory, run

# Turns of the loop after which the server has done what it can with what it has.
TURNS = 20
# Seconds that the server may take to hang up, and to forget a client that has gone.
PATIENCE = 10.0
# Connections after which is looked whether anything is left of one.
BETWEEN_LOOKS = 20_000
MAX_HEAD = 8 * 1024

_numbers = itertools.count(1)


class Wire:
    """Connections to a server that serves an application.

    Whatever comes, the server hangs up when the client has no more to say, nothing is raised where
    nobody would catch it, and nothing is left of a connection soon after.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        self._path = directory() / f"socket-{next(_numbers)}"
        self._connections: Connections | None = None
        self._talks = 0
        # What was raised where the event loop alone noticed.
        self._uncaught: list[dict[str, Any]] = []

    def talk(self, pieces: list[bytes]) -> bytes:
        """Everything that the server says to a client, before it hangs up."""
        answer = run(self._talk(pieces))
        assert not self._uncaught, self._uncaught
        self._talks += 1
        if self._talks % BETWEEN_LOOKS == 0:
            run(asyncio.wait_for(self._all_gone(), PATIENCE))
        return answer

    async def _talk(self, pieces: list[bytes]) -> bytes:
        self._connections = self._connections or self._start()
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: self._uncaught.append(context)
        )
        reader, writer = await asyncio.open_unix_connection(self._path)
        try:
            for piece in pieces:
                writer.write(piece)
                for _ in range(TURNS):
                    await asyncio.sleep(0)
            writer.write_eof()
            return await asyncio.wait_for(reader.read(), PATIENCE)
        except ConnectionError:
            return b""  # it hung up while it was spoken to
        finally:
            writer.close()

    async def _all_gone(self) -> None:
        assert self._connections is not None
        while self._connections.open or self._connections.tasks:
            await asyncio.sleep(0.01)

    def _start(self) -> Connections:
        load = Loads(1).of(0)
        connections = Connections(
            MAX_HEAD, ALWAYS, timeouts(idle=60, keep_alive=60), on_lost=partial(load.add, -1)
        )
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self._path))
        listener.listen()
        Worker(self._serve, connections, load, patience=1).accept(listener)
        return connections

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._application(scope, receive, send)
        except ClientDisconnected:
            raise
        except Exception as error:  # which ends a connection without a word
            self._uncaught.append({"exception": error})
            raise

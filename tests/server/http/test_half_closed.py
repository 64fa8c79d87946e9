"""Clients that have closed their side: when they have their answers, nothing is kept of them."""

import asyncio
import time

import pytest
import uvloop

from lading.edge.asgi import Receive, Scope, Send
from lading.server.http.connection import Connection
from lading.server.http.connections import Connections
from lading.server.http.deadlines import timeouts

PATIENCE = 20
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
# The body of this one is left to the client.
UNREAD = b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "answers"),
    [
        pytest.param(REQUEST, 1, id="one request"),
        pytest.param(REQUEST * 3, 3, id="several"),
        pytest.param(LAST + REQUEST, 1, id="more behind the last one"),
        pytest.param(LAST + b"garbage", 1, id="garbage behind the last one"),
        pytest.param(REQUEST + b"GET / HT", 1, id="half a head behind one"),
        pytest.param(REQUEST + UNREAD + b"some", 2, id="half a body behind one"),
        pytest.param(b"garbage\r\n\r\n", 1, id="what is not HTTP"),
        pytest.param(b"GET / HT", 0, id="half a head"),
        pytest.param(b"", 0, id="nothing"),
    ],
)
def test_a_connection_ends_with_its_last_answer(sent: bytes, answers: int) -> None:
    """Not some seconds after it, for bytes that cannot come any more."""
    shared = Connections(8192, {}, timeouts(idle=60, keep_alive=60))

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.05)  # until the client has closed its side
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def ask() -> tuple[bytes, int]:
        server = await asyncio.get_running_loop().create_server(
            lambda: Connection(application, shared), "127.0.0.1", 0
        )
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(sent)
        writer.write_eof()
        answered = await reader.read()
        # The client keeps its end, so that nothing but the server can end the connection.
        # Nor does anybody look whether its time is over.
        until = time.monotonic() + PATIENCE
        while shared.open and time.monotonic() < until:
            await asyncio.sleep(0.01)
        kept = len(shared.open)
        writer.close()
        server.close()
        shared.abort()
        return answered, kept

    answered, kept = uvloop.run(ask())
    assert answered.count(b"HTTP/1.1 ") == answers
    assert kept == 0

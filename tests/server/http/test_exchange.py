"""What an application sends, in the order in which it sends it."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

import pytest
import uvloop

from lading.edge.asgi import PIPES, UNHURRIED, Application, Receive, Scope, Send
from lading.server.http import exchange
from lading.server.http.body import PIECE_OF_WHOLE
from lading.server.http.connection import Connection
from lading.server.http.connections import Connections
from lading.server.http.deadlines import timeouts
from lading.server.http.sendfile import FileSender
from lading.server.http.turns import SendingTurns

SIZE = 16 * 1024 * 1024
PIECE = 20_000


class Watched(FileSender):
    """Notes what is left to be sent when it begins."""

    left: ClassVar[list[int]] = []

    def __init__(self, transport: asyncio.Transport, turns: SendingTurns) -> None:
        super().__init__(transport, turns)
        self.left.append(transport.get_write_buffer_size())


def test_a_file_leaves_after_what_was_written_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel sends the one; the transport sends the other, and may have some of it left."""
    data = os.urandom(SIZE)
    path = tmp_path / "file"
    path.write_bytes(data)
    left = 0

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal left
        assert "http.response.zerocopysend" in scope["extensions"]
        length = (b"content-length", b"%d" % SIZE)
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        at = 0
        while not (left := connections[0].transport.get_write_buffer_size()):
            piece = data[at : at + PIECE]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            at += PIECE
        with path.open("rb") as file:
            rest = {"file": file.fileno(), "offset": at, "count": SIZE - at}
            await send({"type": "http.response.zerocopysend", **rest})

    monkeypatch.setattr(exchange, "FileSender", Watched)
    connections: list[Connection] = []

    async def pull() -> bytes:
        async with serving(application, connections) as reader:
            await asyncio.sleep(0.1)  # until the server has nowhere left to write to
            return await reader.read()

    received = uvloop.run(pull())

    assert left > 0
    assert Watched.left == [0]
    assert received.endswith(b"\r\n\r\n" + data)


def test_what_a_pipe_has_leaves_in_its_place() -> None:
    """Between bytes that were there before, and those that come after it."""
    data = os.urandom(SIZE)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        assert PIPES in scope["extensions"]
        length = (b"content-length", b"%d" % SIZE)
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        out, into = os.pipe()
        for at in range(0, SIZE, 2 * PIECE):
            count = os.write(into, data[at : at + PIECE])
            await send({"type": PIPES, "file": out, "count": count, "more_body": True})
            piece = data[at + PIECE : at + 2 * PIECE]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body"})
        os.close(out)
        os.close(into)

    async def pull() -> bytes:
        async with serving(application, []) as reader:
            return await reader.read()

    assert uvloop.run(pull()).endswith(b"\r\n\r\n" + data)


def test_a_pipe_that_has_less_than_was_said_ends_the_connection() -> None:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        length = (b"content-length", b"9")
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        out, into = os.pipe()
        os.write(into, b"a few")
        os.close(into)
        with os.fdopen(out):
            await send({"type": PIPES, "file": out, "count": 9})

    async def pull() -> bytes:
        async with serving(application, []) as reader:
            return await reader.read()

    assert uvloop.run(pull()).endswith(b"\r\n\r\na few")


async def test_a_response_that_was_given_up_is_no_failure_of_its_connection() -> None:
    """It waited for a client that takes nothing; then the client takes, or leaves."""
    line = Connection(nobody, Connections(8192, {}, timeouts(idle=60, keep_alive=60)))
    line.pause_writing()
    assert line.writable is not None
    line.writable.cancel()  # as its task does that is cancelled while it waits

    line.resume_writing()

    assert line.writable is None


@pytest.mark.parametrize("sign", [b"\r\n", b"\r", b"\n", b"\n\r", b"\0"])
@pytest.mark.parametrize("place", ["name", "value"])
def test_a_header_that_holds_a_line_break_does_not_leave(sign: bytes, place: str) -> None:
    """Nor does anything else of its response: a client would take the rest for headers."""
    forged = b"x-one" + sign + b"x-two"
    header = (forged, b"1") if place == "name" else (b"x-one", forged)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [header, (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async def pull() -> bytes:
        async with serving(application, []) as reader:
            return await reader.read()

    assert uvloop.run(pull()) == b""


CHUNK = b"400\r\n%b\r\n" % bytes(1024)


@pytest.mark.parametrize(
    ("framing", "sent"),
    [
        pytest.param(b"Content-Length: %d" % SIZE, bytes(SIZE), id="announced"),
        pytest.param(b"Transfer-Encoding: chunked", 2048 * CHUNK + b"0\r\n\r\n", id="chunked"),
    ],
)
@pytest.mark.parametrize("unhurried", [True, False])
def test_nothing_is_read_ahead_for_an_application_in_no_hurry(
    framing: bytes, sent: bytes, unhurried: bool
) -> None:
    """In between its bytes stay in the kernel; others have the next piece when they ask for it."""
    shared = Connections(8192, {}, timeouts(idle=60, keep_alive=60))
    ahead: list[int] = []
    sizes: list[int] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if unhurried:
            scope[UNHURRIED] = True
        more = True
        while more:
            message = await receive()
            more = message["more_body"]
            sizes.append(len(message["body"]))
            await asyncio.sleep(0.005)
            ahead.append(shared.collected)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def push() -> bytes:
        server = await asyncio.get_running_loop().create_server(
            lambda: Connection(application, shared), "127.0.0.1", 0
        )
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"PUT / HTTP/1.1\r\nHost: x\r\n%b\r\n\r\n" % framing + sent)
        answer = await reader.readline()
        writer.close()
        server.close()
        return answer

    assert uvloop.run(push()).startswith(b"HTTP/1.1 204")
    assert (max(ahead) == 0) == unhurried
    # No more at once is copied on the loop, and no memory is cleared of which little is used.
    assert (max(sizes) <= PIECE_OF_WHOLE) == unhurried


async def nobody(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer nothing."""


@asynccontextmanager
async def serving(
    application: Application, connections: list[Connection]
) -> AsyncIterator[asyncio.StreamReader]:
    """Serve an application to a client that takes little at a time, and has asked once."""
    shared = Connections(8192, {}, timeouts(idle=60, keep_alive=60))

    def connect() -> Connection:
        connections.append(Connection(application, shared))
        return connections[-1]

    server = await asyncio.get_running_loop().create_server(connect, "127.0.0.1", 0)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(server.sockets[0].getsockname())
    reader, writer = await asyncio.open_connection(sock=client)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    yield reader
    writer.close()
    server.close()

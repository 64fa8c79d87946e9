"""The HTTP server itself, as a target: bytes into a real socket, as a stranger sends them.

It is asked through nothing but the socket, so how it reads is its own affair. Whatever comes, it
hangs up when the client has no more to say, every answer is one of HTTP and none a 500, nothing is
raised where nobody would catch it, and nothing is left of the connection soon after.
"""

import asyncio
import itertools
import re
import socket
from typing import Any

import uvicorn

from lading.api.asgi import Receive, Scope, Send
from lading.api.body import ClientDisconnected
from lading.api.response import ALWAYS
from lading.server.connection import Connection
from lading.server.server import Server
from lading.server.sharing import Shares
from lading.server.state import State
from tests.fuzz.registry import api, directory, run

# Turns of the loop after which the server has done what it can with what it has.
TURNS = 20
# Seconds that the server may take to hang up, and to forget a client that has gone.
PATIENCE = 10.0
# Connections after which is looked whether anything is left of one.
BETWEEN_LOOKS = 20_000
MAX_HEAD = 8 * 1024
# Not 503 or 507, which are refusals, too.
_FAILURE = re.compile(rb"HTTP/1\.1 50[0124]")

# What was raised where the event loop alone noticed.
_uncaught: list[dict[str, Any]] = []
_listening: list[Server] = []
_numbers = itertools.count(1)


def connections(data: bytes) -> None:
    """A connection. The first byte says in how many pieces the rest is sent, the second how often
    the one in the middle: heads and bodies may be long.
    """
    control, sent = data[:2].ljust(2, b"\0"), data[2:]
    count = control[0] % 4 + 1
    size = len(sent) // count + 1
    pieces = [sent[start : start + size] for start in range(0, len(sent), size)]
    if pieces:
        pieces[len(pieces) // 2] *= 1 << control[1] % 6
    answer = run(_talk(pieces))
    assert not answer or answer.startswith(b"HTTP/1.1 "), answer
    assert not _FAILURE.search(answer), answer
    assert not _uncaught, _uncaught
    if next(_numbers) % BETWEEN_LOOKS == 0:
        run(asyncio.wait_for(_all_gone(), PATIENCE))


async def _talk(pieces: list[bytes]) -> bytes:
    """Everything that the server says before it hangs up."""
    if not _listening:
        _listening.append(await _start())
    reader, writer = await asyncio.open_unix_connection(directory() / "socket")
    try:
        for piece in pieces:
            writer.write(piece)
            await _turns()
        writer.write_eof()
        return await asyncio.wait_for(reader.read(), PATIENCE)
    except ConnectionError:
        return b""  # it hung up while it was spoken to
    finally:
        writer.close()


async def _all_gone() -> None:
    while _listening[0].server_state.connections or _listening[0].server_state.tasks:
        await asyncio.sleep(0.01)


async def _turns() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


async def _start() -> Server:
    asyncio.get_running_loop().set_exception_handler(lambda _, context: _uncaught.append(context))
    config = uvicorn.Config(
        _application,
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
    )
    config.load()
    state = State(MAX_HEAD, Shares(1).of(0), ALWAYS)
    server = Server(config, state, patience=1, idle_timeout=60)
    server.lifespan = config.lifespan_class(config)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(directory() / "socket"))
    listener.listen()
    await server.startup([listener])
    await server.on_tick(0)  # the time of day, for all that follows
    return server


async def _application(scope: Scope, receive: Receive, send: Send) -> None:
    try:
        await (await api())(scope, receive, send)
    except ClientDisconnected:
        raise
    except Exception as error:  # which ends a connection without a word
        _uncaught.append({"exception": error})
        raise


def _conversation(control: bytes, *lines: str) -> bytes:
    """One to start from: what it begins with, and its lines."""
    return control + "\r\n".join(lines).encode()


_DIGEST = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
_UPLOAD = "/v2/a/b/blobs/uploads/00000000-0000-4000-8000-000000000000"
_HOST = "Host: a"
_NEXT = ("GET / HTTP/1.1", _HOST, "", "")

CONVERSATIONS = [
    _conversation(b"\0\0", "GET /v2/ HTTP/1.1", _HOST, "", ""),
    _conversation(b"\1\0", "GET /v2/ HTTP/1.0", "Connection: keep-alive", "", ""),
    _conversation(b"\0\0", "OPTIONS * HTTP/1.1", _HOST, "Connection: close", "", ""),
    _conversation(b"\0\0", "GET http://a/v2/ HTTP/1.1", _HOST, "", *_NEXT),
    _conversation(b"\0\0", "HEAD /v2/a/b/manifests/v1 HTTP/1.1", _HOST, "", *_NEXT),
    _conversation(
        b"\2\0",
        f"POST /v2/a/b/blobs/uploads/?digest={_DIGEST} HTTP/1.1",
        *(_HOST, "Content-Length: 2", "", "{}"),
    ),
    _conversation(
        b"\3\0",
        "PUT /v2/a/b/manifests/v1 HTTP/1.1",
        *(_HOST, "Transfer-Encoding: chunked", ""),
        *("1;x=y", "{", "1", "}", "0", "X: y", "", *_NEXT),
    ),
    _conversation(
        b"\1\0",
        f"PATCH {_UPLOAD} HTTP/1.1",
        *(_HOST, "Expect: 100-continue", "Content-Length: 5", "", "hello"),
    ),
    _conversation(
        b"\0\0",
        "POST /token HTTP/1.1",
        *(_HOST, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c"),
        *("Content-Length: 7", "", "hello", *_NEXT),
    ),
    _conversation(b"\2\5", "GET /v2/ HTTP/1.1", _HOST, "X: y", f"X: {300 * 'y'}", "", ""),
]

"""The HTTP server itself, as a target: bytes into a real socket, as a stranger sends them.

It is asked through nothing but the socket, so how it reads is its own affair. Whatever comes, every
answer is one of HTTP and none a 500; and see `wire.py`.
"""

import re

from lading.edge.asgi import Receive, Scope, Send
from tests.fuzz.registry import api
from tests.fuzz.wire import Wire

# Not 501, 503, 505 or 507, which are refusals, too.
_FAILURE = re.compile(rb"HTTP/1\.1 50[024]")

_wires: list[Wire] = []


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
    if not _wires:
        _wires.append(Wire(_registry))
    answer = _wires[0].talk(pieces)
    assert not answer or answer.startswith(b"HTTP/1.1 "), answer
    assert not _FAILURE.search(answer), answer


async def _registry(scope: Scope, receive: Receive, send: Send) -> None:
    await (await api())(scope, receive, send)


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

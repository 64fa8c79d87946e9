"""Bodies on a connection: each arrives as it was sent, whatever is before, behind or between.

The application here is no registry but one that notes what it gets.
"""

from dataclasses import dataclass, field

from lading.edge.asgi import Receive, Scope, Send
from tests.fuzz.wire import Wire

_HEAD = b"PUT /%d HTTP/1.1\r\nHost: a\r\n"
_CHUNKED = b"Transfer-Encoding: chunked\r\n"
# By the lowest bits of a body's first byte: what its head has beside.
_BESIDE = [
    b"",
    b"Connection: Upgrade\r\nUpgrade: h2c\r\n",
    b"Expect: 100-continue\r\n",
    b"X: y\r\n",
]
# The bit of it that says that its chunks have no extension.
_PLAIN = 0x20
# Fewer than may be sent ahead.
_MOST_REQUESTS = 100
# Into how many pieces a conversation is cut at most, and how often a body is repeated.
_MOST_PIECES = 8
_REPEATED = 512
_ANSWER = b"HTTP/1.1 200 OK\r\n"


@dataclass
class _Notes:
    """What came of each request, in the order of their ends."""

    headers: list[list[tuple[bytes, bytes]]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, more = body + message["body"], message["more_body"]
        self.headers.append(list(scope["headers"]))
        self.bodies.append(body)
        headers = [(b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


_notes = _Notes()
_wires: list[Wire] = []


def pipelined(data: bytes) -> None:
    """Requests that are sent ahead: the first byte says in how many pieces all is sent, lines are
    bodies, and the first byte of each says how it is sent.
    """
    control, lines = data[:1].ljust(1, b"\0"), data[1:].split(b"\n")[:_MOST_REQUESTS]
    bodies = [line[1:] * (_REPEATED if line[:1] >= b"\x80" else 1) for line in lines]
    requests = [
        _request(number, line[:1].ljust(1, b"\0")[0], body)
        for number, (line, body) in enumerate(zip(lines, bodies, strict=True))
    ]
    answer = _talk(_cut(b"".join(requests), control[0] % _MOST_PIECES + 1))

    assert answer.count(_ANSWER) == len(bodies), answer
    assert _notes.bodies == bodies


def trailers(data: bytes) -> None:
    """What is behind a body: an extension, up to the first line break, then trailers. The request
    is what it was before, or it is refused; and so is the one behind it.
    """
    extension, _, behind = data.partition(b"\n")
    body = b"2;%b\r\n{}\r\n0;%b\r\n%b\r\n" % (extension, extension, behind)
    sent = _HEAD % 0 + _CHUNKED + b"\r\n" + body + _HEAD % 1 + b"\r\n"
    answer = _talk(_cut(sent, len(data) % _MOST_PIECES + 1))

    assert answer.startswith(b"HTTP/1.1 ") or not answer, answer
    if _notes.bodies:
        assert _notes.bodies[0] == b"{}"
        assert _notes.headers[0] == [(b"host", b"a"), (b"transfer-encoding", b"chunked")]


def _talk(pieces: list[bytes]) -> bytes:
    if not _wires:
        _wires.append(Wire(_notes))
    _notes.headers, _notes.bodies = [], []
    return _wires[0].talk(pieces)


def _request(number: int, kind: int, body: bytes) -> bytes:
    """Of a kind: what its head has beside, then its framing: the length, or chunks of some size,
    with an extension or as they are received past the parser.
    """
    head, size = _HEAD % number + _BESIDE[kind % len(_BESIDE)], kind >> 2 & 7
    if size == 0:
        return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)
    step = 7 * size * size
    chunks = [body[start : start + step] for start in range(0, len(body), step)]
    extension = b"" if kind & _PLAIN else b";x"
    framed = b"".join(b"%x%b\r\n%b\r\n" % (len(chunk), extension, chunk) for chunk in chunks)
    return b"%b%b\r\n%b0\r\nX: y\r\n\r\n" % (head, _CHUNKED, framed)


def _cut(sent: bytes, count: int) -> list[bytes]:
    size = len(sent) // count + 1
    return [sent[start : start + size] for start in range(0, len(sent), size)]


PIPELINED = [
    b"\0\0{}\n\4hello\n\1{}\n\5{}\n\0\n\6",
    b"\3\2" + bytes(range(11, 100)) + b"\n\x80" + bytes(range(11, 100)) + b"\n\x9dab\n\0{}",
    b"\7\x3chello\n\xbc" + bytes(range(11, 100)) + b"\n\xa4ab\n\x28hello",
]
TRAILERS = [
    b"\n",
    b"x=y\nX: y\r\n",
    b'x="a;b"\nX-Forwarded-For: 1.2.3.4\r\nConnection: close\r\nHost: b\r\n',
    b"\nContent-Length: 1\r\n",
    b"\nX: " + b"y" * 3000,
]

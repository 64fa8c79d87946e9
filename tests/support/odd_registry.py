"""Odd registry for tests of clients: it answers what a test wants, and keeps what it was sent."""

import contextlib
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from typing import Any

from tests.support.small_servers import QuietHandler, served


@dataclass(frozen=True)
class Sent:
    """A request that came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def login(self) -> str:
        """What it says of who sends it; empty if nothing."""
        return self.headers.get("Authorization", "")


@dataclass(frozen=True)
class Reply:
    """An answer: its body whole, or in pieces that may never end."""

    status: int = 200
    body: bytes | Iterator[bytes] = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class OddRegistry:
    """A running one.

    Attributes:
        host: its address and port.
        port: the port alone.
        sent: what came, in its order.
    """

    host: str
    port: int
    sent: list[Sent] = field(default_factory=list)


class _Handler(QuietHandler):
    """Answers as the test says; made anew for each connection."""

    protocol_version = "HTTP/1.1"
    registry: OddRegistry
    answer: Callable[[Sent], Reply]

    def do_any(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        sent = Sent(self.command, self.path, dict(self.headers), body)
        self.registry.sent.append(sent)
        self._reply(type(self).answer(sent))

    def _reply(self, reply: Reply) -> None:
        begin = self.send_response_only if "Date" in reply.headers else self.send_response
        begin(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if isinstance(reply.body, bytes):
            if "Content-Length" not in reply.headers:
                self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else reply.body)
            return
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        # A client may have had enough.
        with contextlib.suppress(OSError):
            for piece in reply.body:
                self.wfile.write(piece)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_any


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Say nothing of clients that go away, or want no such certificate."""


@contextmanager
def odd_registry(
    answer: Callable[[Sent], Reply], tls: ssl.SSLContext | None = None
) -> Iterator[OddRegistry]:
    """Serve whatever `answer` gives, by TLS if that is given, on a port of its own."""
    handler: type[_Handler] = type("Handler", (_Handler,), {"answer": staticmethod(answer)})
    server = _Server(("127.0.0.1", 0), handler)
    if tls is not None:
        # What both sides agree on is the work of a connection's thread, not of that which accepts.
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    registry = OddRegistry(f"127.0.0.1:{server.server_port}", server.server_port)
    handler.registry = registry
    with served(server):
        yield registry

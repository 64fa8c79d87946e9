"""Odd registry for tests of clients: it answers what a test wants, and keeps what it was sent."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


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
        sent: what came, in its order.
    """

    host: str
    sent: list[Sent] = field(default_factory=list)


@contextmanager
def odd_registry(answer: Callable[[Sent], Reply]) -> Iterator[OddRegistry]:
    """Serve whatever `answer` gives, without TLS, on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def do_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            sent = Sent(self.command, self.path, dict(self.headers), self.rfile.read(length))
            registry.sent.append(sent)
            self._reply(answer(sent))

        def _reply(self, reply: Reply) -> None:
            self.send_response(reply.status)
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
            try:
                for piece in reply.body:
                    self.wfile.write(piece)
            except OSError:
                pass  # the client has had enough

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_any  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    registry = OddRegistry(f"127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

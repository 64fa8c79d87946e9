"""Raw server for tests of clients: it says bytes, in pieces that may never end, and no HTTP."""

import contextlib
import socketserver
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from tests.support.small_servers import served

Pieces = Callable[[str], Iterable[bytes]]
"""What is said to a request, by its path."""


@contextmanager
def raw_server(pieces: Pieces) -> Iterator[str]:
    """Say the same to each request, and close its connection; the host."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            # A client may have had enough.
            with contextlib.suppress(OSError):
                path = (self.rfile.readline().split() or [b"", b""])[1].decode()
                for piece in pieces(path):
                    self.wfile.write(piece)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with served(Server(("127.0.0.1", 0), Handler)) as server:
        yield f"127.0.0.1:{server.server_address[1]}"


def dripping(begin: bytes, piece: bytes = b" ") -> Pieces:
    """Say something, and then a little for ever."""

    def pieces(_path: str) -> Iterator[bytes]:
        yield begin
        while True:
            time.sleep(0.05)
            yield piece

    return pieces


def flooding(begin: bytes, piece: bytes) -> Pieces:
    """Say something, and then as much as is taken for ever."""

    def pieces(_path: str) -> Iterator[bytes]:
        yield begin
        while True:
            yield piece

    return pieces

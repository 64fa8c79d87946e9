"""Servers by TLS, and a proxy, for tests of what clients show and to whom."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.support.certificates import Certificates


def server_context(made: Certificates, *, mutual: bool = False) -> ssl.SSLContext:
    """How a server speaks TLS with these certificates.

    Args:
        mutual: whether it takes those clients alone that have a certificate, too.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.directory / "server.crt", made.directory / "server.key")
    if mutual:
        context.load_verify_locations(made.ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


@dataclass
class ForwardProxy:
    """A proxy that brings everything to one port of this machine, whatever host is asked for.

    Attributes:
        heads: of all requests, each with its headers.
    """

    host: str
    heads: list[str] = field(default_factory=list)


@contextmanager
def forward_proxy(port: int, refusal: bytes = b"") -> Iterator[ForwardProxy]:
    """Run a proxy, which takes CONNECT and whole addresses (RFC 9110, 9.3.6; RFC 9112, 3.2.2).

    Args:
        refusal: what it answers, if it brings nothing anywhere.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    serving: list[threading.Thread] = []
    proxy = ForwardProxy(f"127.0.0.1:{listener.getsockname()[1]}")

    def serve(client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", port)) as upstream:
            head = b""
            while b"\r\n\r\n" not in head:
                piece = client.recv(65536)
                if not piece:
                    return
                head += piece
            proxy.heads.append(head.decode())
            if refusal:
                client.sendall(refusal)
                return
            if head.startswith(b"CONNECT "):
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            else:
                upstream.sendall(head)
            back = threading.Thread(target=_carry, args=(upstream, client))
            back.start()
            _carry(client, upstream)
            back.join()

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return  # it is ended
            serving.append(threading.Thread(target=serve, args=(client,)))
            serving[-1].start()

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield proxy
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        for one in serving:
            one.join()


def _carry(source: socket.socket, target: socket.socket) -> None:
    """Bring bytes from one to the other until either ends."""
    try:
        while piece := source.recv(65536):
            target.sendall(piece)
    except OSError:
        pass  # cut, which is an end, too
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)

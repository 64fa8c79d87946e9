"""Servers by TLS, and a proxy, for tests of what clients show and to whom."""

import contextlib
import select
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
def forward_proxy(
    port: int, refusal: bytes = b"", tls: ssl.SSLContext | None = None
) -> Iterator[ForwardProxy]:
    """Run a proxy, which takes CONNECT and whole addresses (RFC 9110, 9.3.6; RFC 9112, 3.2.2).

    Args:
        refusal: what it answers, if it brings nothing anywhere.
        tls: how it speaks TLS itself, if it does.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    serving: list[threading.Thread] = []
    proxy = ForwardProxy(f"127.0.0.1:{listener.getsockname()[1]}")

    def serve(accepted: socket.socket) -> None:
        with (
            contextlib.suppress(OSError),  # it is not trusted, or has had enough
            tls.wrap_socket(accepted, server_side=True) if tls else accepted as client,
            socket.create_connection(("127.0.0.1", port)) as upstream,
        ):
            head = _head_of(client)
            if not head:
                return
            proxy.heads.append(head.partition(b"\r\n\r\n")[0].decode())
            if refusal:
                client.sendall(refusal)
                return
            if head.startswith(b"CONNECT "):
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            else:
                upstream.sendall(head)
            _carry(client, upstream)

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


def _head_of(client: socket.socket) -> bytes:
    """A head, with what has come of the body; nothing if it is cut off."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = client.recv(65536)
        if not piece:
            return b""
        head += piece
    return head


def _carry(client: socket.socket, upstream: socket.socket) -> None:
    """Bring bytes from each to the other until either ends."""
    with contextlib.suppress(OSError):  # cut, which is an end, too
        while True:
            is_waiting = isinstance(client, ssl.SSLSocket) and client.pending()
            for source in [client] if is_waiting else select.select([client, upstream], [], [])[0]:
                piece = source.recv(65536)
                if not piece:
                    return
                (upstream if source is client else client).sendall(piece)

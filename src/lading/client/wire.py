"""The wire to a host: a connection as it is opened, what is sent by it, and what comes.

A head that comes, and what is around chunks, has one time. Else a server that sends a byte of those
now and then, or `100 Continue` for ever, would be waited for as long as it does.
"""

import socket
import struct
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from lading.client.answer_parser import AnswerParser

if TYPE_CHECKING:
    import ssl

    from lading.client.tunnels import TlsInTls

Connection: TypeAlias = "socket.socket | TlsInTls"
"""A connection by which requests go."""
Content = bytes | Iterable[bytes] | None
"""What a request has as its body: bytes, or pieces of which its headers say where they end."""

_WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE", "CONNECT"})


def connect(
    host: str, port: int, seconds: float, context: "ssl.SSLContext | None" = None
) -> socket.socket:
    """A connection to a host, by TLS if it is said how; each step is waited for (`OSError`)."""
    try:
        connection = socket.create_connection((host, port), seconds)
    except UnicodeError:
        raise no_such_name() from None
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection if context is None else encrypt(connection, host, context)


def encrypt(connection: socket.socket, host: str, context: "ssl.SSLContext") -> "ssl.SSLSocket":
    """The connection to a host by TLS; it is ended if that cannot be agreed on (`OSError`)."""
    try:
        return context.wrap_socket(connection, server_hostname=host.rstrip("."))
    except BaseException:
        connection.close()
        raise


def no_such_name() -> socket.gaierror:
    """The error of a name that cannot be one: a part of it is empty, or has over 63 characters."""
    return socket.gaierror(socket.EAI_NONAME, "no host can be called so")


def any_certificate() -> "ssl.SSLContext":
    """How TLS is spoken with whoever answers: no certificate is looked at."""
    import ssl  # noqa: PLC0415 - it takes long to load

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def speaks_tls(host: str, seconds: float) -> bool:
    """Whether who listens at `host:port` speaks TLS, whatever the certificate."""
    import ssl  # noqa: PLC0415 - it takes long to load

    parts = urlsplit(f"https://{host}")
    try:
        connect(str(parts.hostname), parts.port or 443, seconds, any_certificate()).close()
    except ssl.SSLError as error:
        # Who wants a certificate of the client, or another version, refuses in words of TLS.
        return "ALERT" in str(error.reason) or error.reason == "UNSUPPORTED_PROTOCOL"
    except OSError:  # nobody is there, or can be: `127..1`
        return False
    return True


def head_of(method: str, target: str, headers: Mapping[str, str], body: Content) -> bytes:
    """The head of a request; a header with lines, which would be others, is a `ValueError`."""
    if "Content-Length" not in headers and method not in _WITHOUT_BODY:
        if isinstance(body, bytes | None):
            headers = {**headers, "Content-Length": str(len(body or b""))}
        elif "Transfer-Encoding" not in headers:
            raise ValueError(f"{method} has a body without a length")
    lines = [f"{method} {target} HTTP/1.1"]
    for name, value in headers.items():
        if "\r" in value or "\n" in value:
            raise ValueError(f"{name} has lines")
        lines.append(f"{name}: {value}")
    return "\r\n".join([*lines, "", ""]).encode("iso-8859-1")


def send(connection: Connection, head: bytes, body: Content) -> bool:
    """Send a request; whether all of it was taken.

    Who refuses it may answer early and hang up, as of a body that is too large: what was answered
    counts then.

    Raises:
        OSError: it is not taken in time, or the pieces cannot be had.
    """
    if isinstance(body, bytes | None):
        return _is_taken(connection, head + body if body else head)
    return _is_taken(connection, head) and all(_is_taken(connection, piece) for piece in body)


def _is_taken(connection: Connection, data: bytes) -> bool:
    try:
        connection.sendall(data)
    except BlockingIOError:
        raise TimeoutError("timed out") from None
    except (BrokenPipeError, ConnectionResetError):
        return False
    except OSError as error:
        import ssl  # noqa: PLC0415 - it takes long to load

        if not isinstance(error, ssl.SSLEOFError):  # the same, by TLS
            raise
        return False
    return True


def wait_at_most(connection: Connection, seconds: float) -> None:
    """Wait no longer for what a connection is asked for.

    Without TLS the system does that. Python would ask it before each call whether the call would
    wait, and let other threads run, which takes longer than the call.
    """
    if hasattr(connection, "pending"):
        connection.settimeout(seconds)
        return
    whole = int(seconds)
    limit = struct.pack("@ll", whole, max(1, int((seconds - whole) * 1e6)))
    connection.settimeout(None)
    for way in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        connection.setsockopt(socket.SOL_SOCKET, way, limit)


def read_on(connection: Connection, answer: AnswerParser, most: int, seconds: float) -> None:
    """Read until there is more of an answer: its head, bytes of its body, or its end.

    Args:
        most: bytes of the body.
        seconds: in which all of that has to come, and for which the connection waits for bytes.

    Raises:
        OSError: it does not come, or is none.
    """
    until = time.monotonic() + seconds
    # Most comes at once, in the time that the connection has anyway.
    if _read_some(connection, answer, most):
        return
    while True:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer does not end, and no more of it comes")
        wait_at_most(connection, left)
        if _read_some(connection, answer, most):
            break
    wait_at_most(connection, seconds)


def _read_some(connection: Connection, answer: AnswerParser, most: int) -> bool:
    """Read the bytes that there are, or come next; whether there is more of the answer now."""
    try:
        data = connection.recv(most if answer.status else answer.room)
    except BlockingIOError:
        raise TimeoutError("timed out") from None
    if data:
        return answer.feed(data)
    answer.end()
    return True

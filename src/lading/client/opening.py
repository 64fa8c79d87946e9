"""Connections to hosts as they are opened, by TLS or without; and whether a host speaks TLS."""

import socket
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import ssl

    from lading.client.tunnels import TlsInTls

Connection: TypeAlias = "socket.socket | TlsInTls"
"""A connection by which requests go."""


def connect(
    host: str, port: int, seconds: float, context: "ssl.SSLContext | None" = None
) -> socket.socket:
    """A connection to a host, by TLS if it is said how that is spoken.

    Args:
        seconds: for which each step of it is waited for.

    Raises:
        OSError: there is none.
    """
    try:
        connection = socket.create_connection((host, port), seconds)
    except UnicodeError:
        raise no_such_name() from None
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection if context is None else encrypt(connection, host, context)


def encrypt(connection: socket.socket, host: str, context: "ssl.SSLContext") -> "ssl.SSLSocket":
    """The connection to a host by TLS.

    Raises:
        OSError: that cannot be agreed on; the connection is ended.
    """
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
    """Whether who listens at a host speaks TLS; its certificate is looked at by the first request.

    Args:
        host: with its port, if it has one.
        seconds: for which an answer is waited.
    """
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

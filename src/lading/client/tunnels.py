"""Connections through a proxy: it is asked for what others have, or for a tunnel to them."""

import math
import ssl
import time
from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

from lading.client.answer_parser import AnswerParser
from lading.client.errors import ProxyFailed, TunnelRefused, reason
from lading.client.wire import Connection, connect, encrypt, head_of, no_such_name, read_on, send
from lading.core.typing import T
from lading.system.proxies import DEFAULT_PORTS, login_of

_PIECE = 64 * 1024


def through_proxy(
    proxy: str, host: str, port: int, seconds: float, context: ssl.SSLContext | None
) -> Connection:
    """A connection to a proxy, or to a host behind it.

    Args:
        seconds: for which each step of it is waited for.
        context: how TLS is spoken with the host; `None` where the proxy itself is asked for what
            the host has.

    Raises:
        ProxyFailed: the proxy cannot be reached, or makes no tunnel.
        OSError: TLS cannot be agreed on with the host, or none can be called so.
    """
    try:
        # As proxies know it; what is no name they would be asked for, and TLS would not take it.
        name = host.encode("idna").decode()
    except UnicodeError:
        raise no_such_name() from None
    by = urlsplit(proxy)
    # Folders of certificates are for registries: a proxy's is one of the system's authorities.
    own = ssl.create_default_context() if by.scheme == "https" else None
    try:
        connection = connect(str(by.hostname), by.port or DEFAULT_PORTS[by.scheme], seconds, own)
    except OSError as error:
        raise ProxyFailed(reason(error)) from error
    if context is None:
        return connection
    try:
        place = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
        _ask_for_tunnel(connection, proxy, place, seconds)
        connection.settimeout(seconds)  # as TLS is agreed on: without TLS the system was to wait
        if isinstance(connection, ssl.SSLSocket):
            return TlsInTls(connection, name, context)
        return encrypt(connection, name, context)
    except BaseException:
        connection.close()
        raise


def _ask_for_tunnel(connection: Connection, proxy: str, place: str, seconds: float) -> None:
    """Have a proxy bring all that follows to a place and back (CONNECT: RFC 9110, 9.3.6)."""
    parser = AnswerParser("CONNECT")
    try:
        send(connection, head_of("CONNECT", place, {"Host": place, **login_of(proxy)}, None), None)
        read_on(connection, parser, 0, seconds)
        parser.check_head()
    except OSError as error:
        raise ProxyFailed(reason(error)) from error
    if not 200 <= parser.status < 300:
        raise TunnelRefused(parser.status)


class TlsInTls:
    """TLS with a host within that with the proxy before it: a socket has but one."""

    def __init__(self, outer: ssl.SSLSocket, host: str, context: ssl.SSLContext) -> None:
        self._outer = outer
        self._come, self._to_go = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._inner = context.wrap_bio(self._come, self._to_go, server_hostname=host.rstrip("."))
        self.fileno, self.settimeout, self.close = outer.fileno, outer.settimeout, outer.close
        self._carry(self._inner.do_handshake)

    def recv(self, most: int) -> bytes:
        """The bytes that there are, or come next; none at the end."""
        try:
            return self._carry(partial(self._inner.read, most))
        except ssl.SSLEOFError:  # as a socket has it, too
            return b""

    def sendall(self, data: bytes) -> None:
        """Send all bytes."""
        left = memoryview(data)
        while left:
            left = left[self._carry(partial(self._inner.write, left)) :]

    def pending(self) -> int:
        """How many bytes have come that were not taken yet, in which nobody sees them outside."""
        return self._inner.pending() + self._come.pending + self._outer.pending()

    def _carry(self, work: Callable[[], T]) -> T:
        """Do a piece of work, and bring what it wants to send and to read.

        All of it has to come in the time of the connection, as a socket has it, not each byte.
        """
        until = time.monotonic() + (self._outer.gettimeout() or math.inf)
        while True:
            try:
                done = work()
            except ssl.SSLWantReadError:
                if time.monotonic() > until:
                    raise TimeoutError("timed out") from None
                self._flush()
                if piece := self._outer.recv(_PIECE):
                    self._come.write(piece)
                else:
                    self._come.write_eof()
            else:
                self._flush()
                return done

    def _flush(self) -> None:
        if self._to_go.pending:
            self._outer.sendall(self._to_go.read())

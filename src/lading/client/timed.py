"""Answers whose head has to come within the time of the connection: all of it, not each byte.

Else a server that sends a byte now and then, or `100 Continue` for ever, would be waited for as
long as it does.
"""

import io
import socket
import time
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPResponse, UnknownProtocol
from typing import Any

import urllib3

from lading.client.heads import read_headers
from lading.core.typing import override

_NO_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
# Of a length; Python makes no number of thousands.
_MOST_DIGITS = 18


class _TimedReader(io.RawIOBase):
    """Bytes of a connection, up to a time.

    Args:
        raw: what reads them.
        connection: whose timeout is the time for all of the head.
    """

    def __init__(self, raw: socket.SocketIO, connection: socket.socket) -> None:
        super().__init__()
        self._raw = raw
        self._connection = connection
        # Of the head; `None` when it has ended, or may take any time.
        self._seconds = connection.gettimeout()
        self._until = time.monotonic() + (self._seconds or 0)
        self._is_begun = False

    def end_head(self) -> None:
        """Let the rest take as long as bytes of it come."""
        if self._seconds is not None and self._connection.gettimeout() != self._seconds:
            self._connection.settimeout(self._seconds)
        self._seconds = None

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Any, /) -> int | None:
        # Most heads come at once, in the time that the connection has anyway.
        if self._seconds is not None and self._is_begun:
            left = self._until - time.monotonic()
            if left <= 0:
                raise TimeoutError("the head of the answer does not end")
            self._connection.settimeout(left)
        self._is_begun = True
        return self._raw.readinto(buffer)

    @override
    def close(self) -> None:
        self._raw.close()
        super().close()


class _Opened:
    """A connection, of which an answer takes no more than what reads it."""

    def __init__(self, connection: socket.socket) -> None:
        raw = connection.makefile("rb", buffering=0)
        self.reader = _TimedReader(raw, connection)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self.reader)


class TimedResponse(HTTPResponse):
    """An answer whose head has to come in time."""

    # Python's own, which its types do not tell.
    _method: str | None
    _read_status: Callable[[], tuple[str, int, str]]
    _check_close: Callable[[], bool]

    def __init__(self, sock: socket.socket, *args: Any, **words: Any) -> None:
        opened: Any = _Opened(sock)
        self._reader = opened.reader
        super().__init__(opened, *args, **words)

    @override
    def begin(self) -> None:
        """Read the head, as Python's own does, but for how it takes headers apart."""
        version, status, reason = self._read_status()
        # Any number of answers come before the one (RFC 9110, 15.2: "even if the client does not
        # expect one").
        while status < HTTPStatus.OK and status != HTTPStatus.SWITCHING_PROTOCOLS:
            read_headers(self.fp)
            version, status, reason = self._read_status()
        self.code = self.status = status
        self.reason = reason.strip()
        self.version = _version(version)
        self.headers = self.msg = read_headers(self.fp)
        self.chunked = self.headers.get("transfer-encoding", "").lower() == "chunked"
        self.chunk_left = None
        self.length = self._length()
        self.will_close = self._check_close() or (not self.chunked and self.length is None)
        self._reader.end_head()

    def _length(self) -> int | None:
        """How long the body is, if the head says it."""
        if self._method == "HEAD" or self.status in _NO_BODY or self.status < HTTPStatus.OK:
            return 0
        said = self.headers.get("content-length", "")
        is_length = said.isascii() and said.isdigit() and len(said) <= _MOST_DIGITS
        return int(said) if is_length and not self.chunked else None


def _version(said: str) -> int:
    if said in {"HTTP/1.0", "HTTP/0.9"}:
        return 10
    if said.startswith("HTTP/1."):
        return 11
    raise UnknownProtocol(said)


class _Connection(urllib3.connection.HTTPConnection):
    response_class = TimedResponse


class _TlsConnection(urllib3.connection.HTTPSConnection):
    response_class = TimedResponse


class TimedPool(urllib3.HTTPConnectionPool):
    """Connections without TLS."""

    ConnectionCls = _Connection


class TimedTlsPool(urllib3.HTTPSConnectionPool):
    """Connections with TLS."""

    ConnectionCls = _TlsConnection


POOLS = {"http": TimedPool, "https": TimedTlsPool}
"""The pool of each scheme."""

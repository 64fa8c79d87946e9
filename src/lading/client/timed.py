"""Answers whose head has to come within the time of the connection: all of it, not each byte.

Else a server that sends a byte now and then, or `100 Continue` for ever, would be waited for as
long as it does.
"""

import io
import socket
import time
from http.client import HTTPResponse
from typing import Any

import urllib3

from lading.core.typing import override


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
        self._seconds = connection.gettimeout()
        self._until = time.monotonic() + (self._seconds or 0)

    def end_head(self) -> None:
        """Let the rest take as long as bytes of it come."""
        if self._seconds is not None:
            self._connection.settimeout(self._seconds)
            self._seconds = None

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Any, /) -> int | None:
        if self._seconds is not None:
            left = self._until - time.monotonic()
            if left <= 0:
                raise TimeoutError("the head of the answer does not end")
            self._connection.settimeout(left)
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

    def __init__(self, sock: socket.socket, *args: Any, **words: Any) -> None:
        opened: Any = _Opened(sock)
        self._reader = opened.reader
        super().__init__(opened, *args, **words)

    @override
    def begin(self) -> None:
        super().begin()
        self._reader.end_head()


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

"""Bytes that come by a connection: lines of a head, all of it in one time, and what is behind it.

Else a server that sends a byte now and then, or `100 Continue` for ever, would be waited for as
long as it does.
"""

import socket
import struct
import time
from collections.abc import Iterator

from lading.client.errors import NoAnswer

# As Python's own client has it.
_MOST_LINE = 65536
_MOST_HEADERS = 100
_PIECE = 64 * 1024
_ENDS = frozenset({b"\r\n", b"\n"})


def wait_at_most(connection: socket.socket, seconds: float) -> None:
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


class Incoming:
    """Bytes of one connection, in their order.

    Args:
        seconds: in which a head has to come, and for which other bytes are waited.
    """

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        self._connection = connection
        self._seconds = seconds
        self._waits = seconds
        self._until = 0.0  # of a head that is being read
        self._is_begun = False
        self._kept = b""
        self._at = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing has come that was not read."""
        return self._at == len(self._kept)

    def begin_head(self) -> None:
        """Say that all of a head has to come from now on."""
        self._until = time.monotonic() + self._seconds
        self._is_begun = False

    def end_head(self) -> None:
        """Let the rest take as long as bytes of it come."""
        self._until = 0.0
        if self._waits != self._seconds:
            self._wait_at_most(self._seconds)

    def first_line(self) -> bytes:
        """The first line of a head.

        Raises:
            NoAnswer: the connection ends before it does.
        """
        line = self._line()
        if line.endswith(b"\n"):
            return line
        if not line:
            raise NoAnswer("the connection is closed without an answer")
        if line.startswith(b"HTTP/"):
            raise _cut_off()
        return line  # which is no HTTP, and is told so

    def headers(self) -> Iterator[str]:
        """The lines of headers, up to the empty one after them.

        Raises:
            NoAnswer: the connection ends before that line. What came may lack the length of the
                body, which would be taken for all that comes until the end.
        """
        for _ in range(_MOST_HEADERS + 1):
            line = self._line()
            if not line.endswith(b"\n"):
                raise _cut_off()
            if line in _ENDS:
                return
            yield line.decode("iso-8859-1")
        raise NoAnswer(f"got more than {_MOST_HEADERS} headers")

    def line(self) -> bytes:
        """A line of a body.

        Raises:
            NoAnswer: the connection ends before it does.
        """
        line = self._line()
        if not line.endswith(b"\n"):
            raise NoAnswer("the connection is closed within the body of the answer")
        return line

    def some(self, most: int) -> bytes:
        """The bytes that there are, or come next; none at the end."""
        if self.is_empty:
            return self._receive(most)
        piece = self._kept[self._at : self._at + most]
        self._at += len(piece)
        return piece

    def _line(self) -> bytes:
        """A line with its end, or what there is of it where the connection ends."""
        while (end := self._kept.find(b"\n", self._at) + 1) <= 0:
            if len(self._kept) - self._at > _MOST_LINE:
                raise NoAnswer(f"got more than {_MOST_LINE} bytes when reading header line")
            if not self._read_more():
                end = len(self._kept)
                break
        line = self._kept[self._at : end]
        self._at = end
        return line

    def _read_more(self) -> bool:
        """Whether more has come."""
        # Most heads come at once, in the time that the connection has anyway.
        if self._until and self._is_begun:
            left = self._until - time.monotonic()
            if left <= 0:
                raise TimeoutError("the head of the answer does not end")
            self._wait_at_most(left)
        self._is_begun = True
        piece = self._receive(_PIECE)
        self._kept = self._kept[self._at :] + piece
        self._at = 0
        return piece != b""

    def _receive(self, most: int) -> bytes:
        try:
            return self._connection.recv(most)
        except BlockingIOError:
            raise TimeoutError("timed out") from None

    def _wait_at_most(self, seconds: float) -> None:
        self._waits = seconds
        wait_at_most(self._connection, seconds)


def _cut_off() -> NoAnswer:
    return NoAnswer("the connection is closed within the head of the answer")

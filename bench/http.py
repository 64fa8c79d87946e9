"""A client that costs little: what the load generator takes, the registry on the same cores cannot.

One connection, one request at a time. Bodies of answers are counted and dropped in the kernel
(tcp(7): "MSG_TRUNC … causes the received bytes of data to be discarded, rather than passed back in
a caller-supplied buffer") unless they are asked for.
"""

import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO, Self

# Bytes taken from the socket at once.
PIECE = 1024 * 1024
# Seconds without a byte.
TIMEOUT = 120


class UnexpectedAnswer(Exception):
    """The registry did not do what the work needs: the measurement is worth nothing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Attributes:
        headers: by lower-case name.
        size: bytes of the body.
        body: empty unless it was kept.
    """

    status: int
    headers: Mapping[str, str]
    size: int
    body: bytes

    def expect(self, *statuses: int) -> Self:
        """Go on only with one of these statuses.

        Raises:
            UnexpectedAnswer: it has another.
        """
        if self.status not in statuses:
            raise UnexpectedAnswer(f"{self.status} instead of {statuses}: {self.body[:300]!r}")
        return self


class Connection:
    """A connection that is kept, as registries' clients keep theirs."""

    def __init__(
        self, port: int, headers: Mapping[str, str] | None = None, host: str = "localhost"
    ) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._common = f"Host: {host}\r\n" + lines(headers or {})
        self._received = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def request(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | BinaryIO = b"",
        chunked: bool = False,
        keep: bool = False,
    ) -> Answer:
        """Send a request and read all of its answer.

        Args:
            method: in upper case.
            target: a path, or a URL as `Location` gives it.
            headers: beside the connection's own.
            body: bytes, or a file that is sent whole, by the kernel.
            chunked: whether the body holds chunks (RFC 9112, 7.1), with their sizes and an end.
            keep: whether the body of the answer is wanted.

        Raises:
            UnexpectedAnswer: it hung up, or does not answer.
        """
        size = len(body) if isinstance(body, bytes) else body.seek(0, 2)
        own = lines(headers or {})
        if chunked:
            own += "Transfer-Encoding: chunked\r\n"
        elif method in {"POST", "PUT", "PATCH"}:
            own += f"Content-Length: {size}\r\n"
        head = f"{method} {path_of(target)} HTTP/1.1\r\n{self._common}{own}\r\n".encode()
        try:
            # A registry that has had enough hangs up, and may have said why before.
            with suppress(BrokenPipeError, ConnectionResetError):
                self._send(head, body)
            return self._answer(method, keep=keep)
        except TimeoutError as error:
            raise UnexpectedAnswer(f"{method} had no answer for {TIMEOUT} s") from error
        except ConnectionError as error:
            raise UnexpectedAnswer("the registry hung up") from error

    def _send(self, head: bytes, body: bytes | BinaryIO) -> None:
        if isinstance(body, bytes):
            self._socket.sendall(head + body)
        else:
            self._socket.sendall(head)
            self._socket.sendfile(body, 0)

    def _answer(self, method: str, *, keep: bool) -> Answer:
        status, headers = self._head()
        size = 0 if method == "HEAD" or status in {204, 304} else int(headers["content-length"])
        body = self._keep(size) if keep or status >= 400 else self._drop(size)
        return Answer(status, headers, size, body)

    def _head(self) -> tuple[int, dict[str, str]]:
        while (end := self._received.find(b"\r\n\r\n")) < 0:
            data = self._socket.recv(16 * 1024)
            if not data:
                raise UnexpectedAnswer("the registry hung up")
            self._received += data
        first, *lines = self._received[:end].decode("latin-1").split("\r\n")
        del self._received[: end + 4]
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        return int(first[9:12]), headers

    def _drop(self, size: int) -> bytes:
        left = size - len(self._received)
        del self._received[:size]
        while left > 0:
            count = self._socket.recv_into(_NOWHERE, min(left, PIECE), socket.MSG_TRUNC)
            if count == 0:
                raise UnexpectedAnswer("the registry hung up")
            left -= count
        return b""

    def _keep(self, size: int) -> bytes:
        while len(self._received) < size:
            data = self._socket.recv(min(size - len(self._received), PIECE))
            if not data:
                raise UnexpectedAnswer("the registry hung up")
            self._received += data
        body = bytes(self._received[:size])
        del self._received[:size]
        return body


_NOWHERE = bytearray(PIECE)


def lines(headers: Mapping[str, str]) -> str:
    """Headers as they go over the wire."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())


def path_of(target: str) -> str:
    """The path of a URL; a path is one already."""
    if target.startswith("/"):
        return target
    _, _, rest = target.partition("://")
    return "/" + rest.partition("/")[2]

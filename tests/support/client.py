"""A client that says exactly what a test tells it to, and shows exactly what came back.

It needs nothing but Python, adds no header but `Host` and the length of a body, and sends what no
library would: half a request, two at once, or what is not HTTP.
"""

import http.client
import json
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import urlencode

FORM = "application/x-www-form-urlencoded"
# Seconds after which an answer that does not come fails the test.
TIMEOUT = 60


@dataclass(frozen=True)
class Answer:
    """An answer, byte for byte as it came back."""

    line: str
    headers: Message
    body: bytes

    @property
    def status(self) -> int:
        """The number in the status line."""
        return int(self.line.split()[1])

    @property
    def json(self) -> Any:
        """The body, which must say that it is JSON."""
        kind = self.headers["Content-Type"] or ""
        assert kind == "application/json" or kind.endswith("+json"), self
        return json.loads(self.body)

    @property
    def codes(self) -> list[str]:
        """The codes of the errors, in the specification's envelope and nothing else."""
        document = self.json
        assert list(document) == ["errors"], self
        assert document["errors"], self
        for error in document["errors"]:
            assert set(error) == {"code", "message", "detail"}, self
            assert isinstance(error["message"], str), self
        return [error["code"] for error in document["errors"]]


class Connection:
    """A connection, to be used for as many requests as it lives."""

    def __init__(self, host: str) -> None:
        name, _, port = host.rpartition(":")
        self._host = host
        self._socket = socket.create_connection((name.strip("[]"), int(port)), timeout=TIMEOUT)
        self._file = self._socket.makefile("rb")

    @property
    def ports(self) -> tuple[int, int]:
        """The server's port, and the client's."""
        return self._socket.getpeername()[1], self._socket.getsockname()[1]

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(data)

    def request(
        self, method: str, target: str, body: bytes | Iterable[bytes] = b"", **headers: str
    ) -> None:
        """Send a request: bytes with their length, several pieces as chunks.

        Args:
            method: as it goes into the request line.
            target: as it goes into the request line.
            body: what to send.
            headers: with `_` for `-`; one that is given here replaces what would be added.
        """
        lines = {"host": self._host}
        if not isinstance(body, bytes):
            lines["transfer-encoding"] = "chunked"
            body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (*body, b""))
        elif body or (method in {"POST", "PUT", "PATCH"} and "transfer_encoding" not in headers):
            lines["content-length"] = str(len(body))
        lines.update({name.lower().replace("_", "-"): value for name, value in headers.items()})
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.send(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body)

    def wait(self) -> None:
        """Wait until the next answer begins."""
        assert self._file.peek(1), "the connection was closed without an answer"

    def receive(self, *, head: bool = False) -> Answer:
        """Wait for the next answer.

        Args:
            head: to read no body: it answers a HEAD, or `rest` is to be read.
        """
        line = self._file.readline().decode("latin-1").rstrip("\r\n")
        assert line, "the connection was closed without an answer"
        headers = http.client.parse_headers(self._file)
        answer = Answer(line, headers, b"")
        if head or answer.status in {100, 204, 304}:
            return answer
        if headers["Transfer-Encoding"] == "chunked":
            return Answer(line, headers, b"".join(self._chunks()))
        return Answer(line, headers, self._file.read(int(headers["Content-Length"])))

    def _chunks(self) -> Iterator[bytes]:
        """The pieces of a body whose length was not announced (RFC 9112, 7.1)."""
        while size := int(self._file.readline(), 16):
            yield self._file.read(size)
            assert self._file.readline() == b"\r\n"
        assert self._file.readline() == b"\r\n"

    def rest(self) -> bytes:
        """Everything that still comes until the server closes the connection."""
        return self._file.read()

    def end(self) -> None:
        """Send nothing more, and still listen."""
        self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Go away, in the middle of a request or not."""
        self._file.close()
        self._socket.close()


class Client:
    """Asks a registry, each time over a connection of its own, so that any worker may answer."""

    def __init__(self, host: str) -> None:
        self.host = host

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection for the length of the block."""
        connection = Connection(self.host)
        try:
            yield connection
        finally:
            connection.close()

    def is_answered(self) -> bool:
        """Whether a registry is there."""
        try:
            return self.ask("GET", "/v2/").status == 200
        except OSError:
            return False

    def ask(
        self, method: str, target: str, body: bytes | Iterable[bytes] = b"", **headers: str
    ) -> Answer:
        """Send one request, and wait for its answer."""
        with self.connection() as connection:
            connection.request(method, target, body, **headers)
            return connection.receive(head=method == "HEAD")

    def send_form(self, target: str, form: Mapping[str, str], **headers: str) -> Answer:
        """Send a form, and wait for the answer."""
        body = urlencode(form).encode()
        return self.ask("POST", target, body, **{"content_type": FORM, **headers})

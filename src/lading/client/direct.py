"""Connections to a host itself, for requests that have no body: most of all that a client sends.

urllib3 and Python's own client cost a HEAD several times as much, and take a quarter of a short
command's time to be loaded. They remain for what has a body, and for proxies.
"""

import select
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, quote

from lading.client.bodies import AnswerBody, body_of
from lading.client.errors import NoAnswer
from lading.client.header_lines import Headers, pairs_of
from lading.client.incoming import Incoming, wait_at_most
from lading.client.options import SessionOptions

if TYPE_CHECKING:
    import ssl

ContextMaker = Callable[[], "ssl.SSLContext"]
"""Gives how TLS is spoken with a host."""

PORTS = {"http": 80, "https": 443}
# What stands in a path and a query as it is: of RFC 3986, and `%`, behind which is what was quoted.
_AS_IT_IS = "/?:@!$&'()*+,;=-._~%[]"


class DirectAnswer:
    """An answer, its body not read yet.

    Attributes:
        status: the code of its status line.
    """

    def __init__(
        self, kept: "KeptConnection", url: str, status: int, headers: Headers, body: AnswerBody
    ) -> None:
        self.status = status
        self.headers = headers
        self._kept: KeptConnection | None = kept
        self._url = url
        self._body = body

    def __del__(self) -> None:
        """End the connection of an answer that nobody has read or ended."""
        self.close()

    def geturl(self) -> str:
        """The address that was asked."""
        return self._url

    def read1(self, most: int) -> bytes:
        """The bytes of the body that there are, or come next; none at the end.

        Raises:
            OSError: not all of it comes.
        """
        return self._body.read(most)

    def stream(self, most: int) -> Iterator[bytes]:
        """The body in pieces of that size, but for the last one."""
        is_over = False
        while not is_over:
            pieces, length = list[bytes](), 0
            while length < most and not is_over:
                piece = self._body.read(most - length)
                is_over = not piece
                pieces.append(piece)
                length += len(piece)
            if length:
                yield b"".join(pieces)

    def release_conn(self) -> None:
        """Give the connection back, if it can have another request."""
        if self._kept is not None:
            kept, self._kept = self._kept, None
            kept.give_back(may_go_on=self._body.is_over)

    def close(self) -> None:
        """End the connection."""
        if self._kept is not None:
            kept, self._kept = self._kept, None
            kept.close()


class KeptConnection:
    """A connection that is kept for the next request, unless an answer ends it.

    Args:
        idle: where it waits for that.
        most: of these.
    """

    def __init__(
        self,
        connection: socket.socket,
        options: SessionOptions,
        idle: "list[KeptConnection]",
    ) -> None:
        self._connection = connection
        self._most = options.at_once
        self._idle = idle
        self._incoming = Incoming(connection, options.read_seconds)
        self._ends = False
        self._watch = select.poll()
        self._watch.register(connection, select.POLLIN)
        # What TLS has taken from it already, in which nobody sees it.
        self._taken: Callable[[], int] = getattr(connection, "pending", int)

    def ask(self, method: str, url: str, head: bytes) -> DirectAnswer:
        """Send a request, and read the head of its answer.

        Raises:
            OSError: there is none.
        """
        try:
            self._connection.sendall(head)
            return self._read_head(method, url)
        except BaseException:
            self.close()
            raise

    def is_over(self) -> bool:
        """Whether the other side has ended it, or sent what nobody asked for."""
        return bool(self._taken() or self._watch.poll(0))

    def give_back(self, *, may_go_on: bool) -> None:
        """Keep it for another request, if it can have one."""
        is_clean = may_go_on and not self._ends and self._incoming.is_empty
        if is_clean and len(self._idle) < self._most:
            self._idle.append(self)
        else:
            self.close()

    def close(self) -> None:
        """End it."""
        self._connection.close()

    def _read_head(self, method: str, url: str) -> DirectAnswer:
        incoming = self._incoming
        incoming.begin_head()
        version, status = _status_of(incoming.first_line())
        # Any number of answers come before the one (RFC 9110, 15.2: "even if the client does not
        # expect one").
        while status < 200 and status != 101:
            for _ in incoming.headers():
                pass
            version, status = _status_of(incoming.first_line())
        headers = Headers(pairs_of(incoming.headers()))
        incoming.end_head()
        said = headers.get("connection", "").lower()
        self._ends = "close" in said or (version < "HTTP/1.1" and "keep-alive" not in said)
        return DirectAnswer(self, url, status, headers, body_of(method, status, headers, incoming))


class DirectConnections:
    """Connections to one host; for any number of threads.

    Args:
        context: gives how TLS is spoken with it.
    """

    def __init__(self, parts: SplitResult, options: SessionOptions, context: ContextMaker) -> None:
        self._host = str(parts.hostname)
        self._port = parts.port or PORTS[parts.scheme]
        self._context = context if parts.scheme == "https" else None
        self._options = options
        self._start = len(f"{parts.scheme}://{parts.netloc}")
        name = f"[{self._host}]" if ":" in self._host else self._host
        port = "" if self._port == PORTS[parts.scheme] else f":{self._port}"
        self._named = f"{name}{port}"
        self._idle: list[KeptConnection] = []

    def ask(self, method: str, url: str, headers: Mapping[str, str]) -> DirectAnswer:
        """Send a request; the answer, its body not read yet.

        Raises:
            OSError: there is none.
        """
        target = quote(url[self._start :].partition("#")[0], safe=_AS_IT_IS)
        if not target.startswith("/"):
            target = f"/{target}"
        head = _head(method, target, {"Host": self._named, **headers})
        return self._connection().ask(method, url, head)

    def close(self) -> None:
        """End those that wait for a request."""
        while self._idle:
            self._idle.pop().close()

    def _connection(self) -> KeptConnection:
        while self._idle:
            try:
                kept = self._idle.pop()
            except IndexError:  # another thread has it
                break
            if not kept.is_over():
                return kept
            kept.close()
        return KeptConnection(self._connect(), self._options, self._idle)

    def _connect(self) -> socket.socket:
        place = self._host, self._port
        try:
            connection = socket.create_connection(place, self._options.connect_seconds)
        except UnicodeError:  # a part of the name is empty, or has more than 63 characters
            raise socket.gaierror(socket.EAI_NONAME, "no host can be called so") from None
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context is not None:
                name = self._host.rstrip(".")
                connection = self._context().wrap_socket(connection, server_hostname=name)
            wait_at_most(connection, self._options.read_seconds)
        except BaseException:
            connection.close()
            raise
        return connection


def _head(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"{method} {target} HTTP/1.1"]
    for name, value in headers.items():
        if "\r" in value or "\n" in value:
            raise ValueError(f"{name} has lines")
        lines.append(f"{name}: {value}")
    return "\r\n".join([*lines, "", ""]).encode("iso-8859-1")


def _status_of(line: bytes) -> tuple[str, int]:
    """The version and the status that the first line of an answer says.

    Raises:
        NoAnswer: it is no such line.
    """
    version, _, rest = line.decode("iso-8859-1").strip().partition(" ")
    code = rest[:3]
    is_http = version in {"HTTP/1.0", "HTTP/0.9"} or version.startswith("HTTP/1.")
    is_status = code.isascii() and code.isdigit() and rest[3:4] in {"", " "} and code >= "100"
    if is_http and is_status:
        return version, int(code)
    said = line.decode("iso-8859-1").strip()
    raise NoAnswer(f"what answers speaks no HTTP/1.1, but says {said[:40]!r}")

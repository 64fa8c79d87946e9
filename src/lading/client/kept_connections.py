"""Connections to the host of an address, or to the proxy before it, and what is answered by them.

Python's own client and those that are built on it cost a HEAD several times as much, and take a
quarter of a short command's time to be loaded.
"""

import select
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, quote, urlsplit

from lading.client.answer_parser import AnswerParser
from lading.client.options import SessionOptions
from lading.client.wire import Connection, Content, connect, head_of, read_on, send, wait_at_most
from lading.system.proxies import DEFAULT_PORTS, login_of

if TYPE_CHECKING:
    import ssl

# What stands in a path and a query as it is: of RFC 3986, and `%`, behind which is what was quoted.
_AS_IT_IS = "/?:@!$&'()*+,;=-._~%[]"


class HostAnswer:
    """An answer, its body not read yet.

    Attributes:
        url: the address that was asked.
        status, headers: see `AnswerParser`.
    """

    def __init__(self, kept: "KeptConnection", url: str, parser: AnswerParser) -> None:
        self.url = url
        self.status = parser.status
        self.headers = parser.headers
        self._kept: KeptConnection | None = kept
        self._parser = parser

    def __del__(self) -> None:
        """Have an answer hold no connection that nobody has read to its end."""
        self.close()

    def read1(self, most: int) -> bytes:
        """The bytes of the body that there are, or come next; none at its end, or `OSError`."""
        while not (piece := self._parser.take(most)):
            if self._parser.is_over or self._kept is None:
                break
            self._kept.read_on(self._parser, most)
        return piece

    def stream(self, most: int) -> Iterator[bytes]:
        """The body in pieces of that size, but for the last one."""
        is_over = False
        while not is_over:
            pieces, length = list[bytes](), 0
            while length < most and not is_over:
                piece = self.read1(most - length)
                is_over = not piece
                pieces.append(piece)
                length += len(piece)
            if length:
                yield b"".join(pieces)

    def close(self) -> None:
        """Give the connection back if it can have another request, or end it."""
        if self._kept is not None:
            kept, self._kept = self._kept, None
            kept.give_back(may_go_on=self._parser.is_over and self._parser.may_go_on)


class KeptConnection:
    """A connection that waits for its next request among idle ones, unless an answer ends it."""

    def __init__(
        self,
        connection: Connection,
        options: SessionOptions,
        idle: "list[KeptConnection]",
    ) -> None:
        self._connection = connection
        self._most = options.at_once
        self._idle = idle
        self._seconds = options.read_seconds
        self._watch = select.poll()
        self._watch.register(connection, select.POLLIN)
        # What TLS has taken from it already, in which nobody sees it.
        self._taken: Callable[[], int] = getattr(connection, "pending", int)

    def ask(self, method: str, url: str, head: bytes, body: Content = None) -> HostAnswer:
        """Send a request, and read the head of its answer; an `OSError` if there is none."""
        try:
            is_sent = send(self._connection, head, body)
            parser = AnswerParser(method)
            self.read_on(parser)
            parser.check_head()
            parser.may_go_on &= is_sent
        except BaseException:
            self.close()
            raise
        return HostAnswer(self, url, parser)

    def read_on(self, parser: AnswerParser, most: int = 0) -> None:
        """Read until there is more of an answer: its head, so much of its body, or its end."""
        read_on(self._connection, parser, most, self._seconds)

    def is_over(self) -> bool:
        """Whether the other side has ended it, or sent what nobody asked for."""
        return bool(self._taken() or self._watch.poll(0))

    def give_back(self, *, may_go_on: bool) -> None:
        """Keep it for another request, if it can have one."""
        if may_go_on and len(self._idle) < self._most:
            self._idle.append(self)
        else:
            self.close()

    def close(self) -> None:
        """End it."""
        self._connection.close()


class OriginConnections:
    """Connections to one host, or to the proxy before it; for any number of threads.

    Args:
        parts: of an address at the host.
        context: how TLS is spoken with it, if it is.
        proxy: the address of the proxy; empty if there is none.
    """

    def __init__(
        self,
        parts: SplitResult,
        options: SessionOptions,
        context: "ssl.SSLContext | None" = None,
        proxy: str = "",
    ) -> None:
        self._host = str(parts.hostname)
        self._port = parts.port or DEFAULT_PORTS[parts.scheme]
        self._context = context
        self._options = options
        self._proxy = proxy
        self._start = len(f"{parts.scheme}://{parts.netloc}")
        name = f"[{self._host}]" if ":" in self._host else self._host
        port = "" if self._port == DEFAULT_PORTS[parts.scheme] else f":{self._port}"
        self._headers = {"Host": f"{name}{port}"}
        self._before = ""
        if proxy and context is None:
            # "a client MUST send the target URI in absolute-form" (RFC 9112, 3.2.2).
            self._before = f"http://{name}{port}"
            self._headers |= login_of(proxy)
        self._idle: list[KeptConnection] = []

    def send(self, method: str, url: str, headers: Mapping[str, str], body: Content) -> HostAnswer:
        """Send a request; the answer, its body not read yet.

        Raises:
            OSError: there is none.
        """
        target = quote(url[self._start :].partition("#")[0], safe=_AS_IT_IS)
        if not target.startswith("/"):
            target = f"/{target}"
        head = head_of(method, self._before + target, {**self._headers, **headers}, body)
        return self._connection().ask(method, url, head, body)

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

    def _connect(self) -> Connection:
        context, seconds = self._context, self._options.connect_seconds
        if self._proxy:
            from lading.client.tunnels import through_proxy  # noqa: PLC0415 - few need it

            connection = through_proxy(self._proxy, self._host, self._port, seconds, context)
        else:
            connection = connect(self._host, self._port, seconds, context)
        wait_at_most(connection, self._options.read_seconds)
        return connection


@contextmanager
def asked_once(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: Content = None,
    *,
    seconds: float,
    proxy: str = "",
    context: "ssl.SSLContext | None" = None,
) -> Iterator[HostAnswer]:
    """The answer to a request that is sent once, by a connection of its own.

    Redirects are answers like any.

    Args:
        seconds: for each step of the connection, for the head, and for bytes of the body.
        context: how TLS is spoken; `None` takes it by the system's authorities.

    Raises:
        OSError: there is none.
        ValueError: the address is none of HTTP.
    """
    parts = urlsplit(url)
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise ValueError(f"unsupported protocol scheme {parts.scheme!r}")
    if proxy and (scheme := urlsplit(proxy).scheme) not in DEFAULT_PORTS:
        raise OSError(f"a proxy of {scheme} cannot be asked")
    if parts.scheme == "https" and context is None:
        import ssl  # noqa: PLC0415 - it takes long to load

        context = ssl.create_default_context()
    options = SessionOptions(connect_seconds=seconds, read_seconds=seconds)
    with (
        closing(OriginConnections(parts, options, context, proxy)) as host,
        closing(host.send(method, url, headers, body)) as answer,
    ):
        yield answer

"""HTTP/1.1 with bounds: what a client sends becomes exchanges, one after the other.

The parser accepts heads of any size, and with any number of hosts; what a stranger may make this
program keep in memory, or believe, is limited here: `bounds.py` has the table. What is not HTTP, or
too large, gets the protocol's JSON error, then the connection is closed. How long it waits for what
stands in `deadlines.py`.
"""

import asyncio
import time
from collections import deque
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import httptools

from lading.core.typing import override
from lading.edge.asgi import ARRIVED, PIPES, Application
from lading.server.http.body import Receiver
from lading.server.http.bounds import Bounds
from lading.server.http.connections import Connections
from lading.server.http.deadlines import Deadlines
from lading.server.http.exchange import Exchange
from lading.server.http.head import Head, line_size
from lading.server.http.parser import DecliningParser, NoMoreRequests
from lading.server.http.prefaces import is_proxy_protocol, is_tls
from lading.server.http.put_off import SLICE, PutOff, has_few_chunks
from lading.server.http.refusal import (
    NO_PROXY_PROTOCOL,
    NOT_HTTP,
    NOT_HTTPS,
    NOT_TLS,
    TOO_MANY_CONNECTIONS,
    Refusal,
)
from lading.server.http.sendfile import can_send_files
from lading.server.http.takeover import Takeover
from lading.server.http.tls_sessions import goes_on_for_the_ended

# Requests of a connection that may wait for their answers; each takes some KiB, and real clients
# wait themselves.
MOST_AHEAD = 256
# Bytes of answers that may wait in this program for their client, beside what is written at once.
WRITTEN_AHEAD = 64 * 1024
# What is behind a head.
_HEAD_END = b"\r\n\r\n"
# What the scope of a connection has room for, so that that of a request is a copy of it.
_OF_A_REQUEST = dict.fromkeys(
    ("http_version", "method", "path", "raw_path", "query_string", "headers", ARRIVED)
)


class Connection(Receiver):
    """A connection with a client.

    Attributes:
        deadlines: which it has in each of its states.
        head: the one that is being received; that of a body is complete, and out of reach.
        exchanges: requests that came and are not answered; the first one is being answered.
        reading: whether bytes are taken from the client.
        parting: the last response is sent: what still comes is not looked at.
    """

    head: Head | None = None
    reading = True
    parting = False

    def __init__(self, application: Application, connections: Connections) -> None:
        self.connections = connections
        self.loop = asyncio.get_running_loop()
        self._application = application
        self._parser = DecliningParser(self, self.on_upgrade_declined)
        self._scope: dict[str, Any] = {}
        self.exchanges: deque[Exchange] = deque()
        self.deadlines = Deadlines(self, connections.timeouts)
        # The one whose body is being received.
        self._receiving: Exchange | None = None
        self._takeover = Takeover(self)
        self._peer = ""
        self._writable: asyncio.Future[None] | None = None
        # The last request is here: what still comes is not looked at.
        self._heard_all = False
        # Something came nevertheless; nothing will, as the client has closed its side.
        self._more_came = False
        self._half_closed = False
        self._bounds = Bounds(connections.max_head)
        self._repeating_head = False
        # The header that tells where a body ends which the parser believes to be in another
        # protocol.
        self._declined: tuple[bytes, bytes] | None = None

    # From the connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is here."""
        self.transport = transport
        self._put_off = PutOff(transport, self._receive, lambda: self._is_reading)
        self.connections.open.add(self)
        plain = can_send_files(transport)
        if not plain:  # for which uvloop would keep eight times as much
            transport.set_write_buffer_limits(WRITTEN_AHEAD)
        peer, own = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        self._scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "scheme": "http" if plain else "https",
            "root_path": "",
            "client": tuple(peer[:2]) if isinstance(peer, tuple) else None,
            "server": tuple(own[:2]) if isinstance(own, tuple) else None,
            "extensions": {"http.response.zerocopysend": {}, PIPES: {}} if plain else {},
            **_OF_A_REQUEST,
        }
        self._peer = peer[0] if isinstance(peer, tuple) else ""
        if not self.connections.addresses.enter(self._peer):
            self._refuse(TOO_MANY_CONNECTIONS)
        elif not plain and goes_on_for_the_ended(transport):
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """The client has left; every request that it sent is told."""
        self.connections.lost(self, self._peer)
        self._takeover.close()
        self._give_up()
        self.resume_writing()

    def data_received(self, data: bytes) -> None:
        """Take bytes from the connection."""
        if not (self._heard_all or self.parting or self.transport.is_closing()):
            self.deadlines.move(len(data))
        if self._put_off.waits:
            self._put_off.add(data)
        else:
            self._put_off.pieces = 0
            self._receive(data)

    def _receive(self, data: bytes) -> None:
        """Take bytes whose turn has come."""
        if self._heard_all or self.parting or self.transport.is_closing():
            self._more_came = True
            return
        try:
            self._take(data)
        except NoMoreRequests:
            self._more_came = True
        except Refusal as refusal:
            self._refuse(refusal)
        except httptools.HttpParserError as error:
            # What this class raises arrives as the context of the parser's own error.
            match error.__context__:
                case NoMoreRequests():
                    self._more_came = True
                case Refusal() as raised:
                    self._refuse(raised)
                case _:
                    self._refuse(self._not_http(data))
        else:
            self.body_wanted()

    def eof_received(self) -> bool:
        """The client sends no more, and gets the answers to what it has asked.

        It may have closed its side only (RFC 9293, 3.6); whether it has left altogether turns out
        when something is sent to it. Over TLS, where asyncio knows no half of a connection, it has.
        """
        self._heard_all = self._half_closed = True
        unfinished, self._receiving = self._receiving, None
        if unfinished is not None:
            if self.exchanges and self.exchanges[-1] is unfinished:
                self.exchanges.pop()
            unfinished.leave()
        if self.parting or not self.exchanges or not self.transport.can_write_eof():
            return False
        self.exchanges[-1].keep_alive = False
        return True

    def pause_writing(self) -> None:
        """The client does not take what it was sent."""
        if self._writable is None:
            self._writable = self.loop.create_future()

    def resume_writing(self) -> None:
        """The client has taken most of it."""
        if self._writable is not None:
            if not self._writable.done():  # as it is when a response was given up
                self._writable.set_result(None)
            self._writable = None
            self._answer_next()

    # From the parser

    def on_message_begin(self) -> None:
        """A request starts."""
        if self._heard_all:
            raise NoMoreRequests
        if not self._repeating_head:
            self.head = Head()
            self.deadlines.begin()

    def on_url(self, url: bytes) -> None:
        """A part of the request line's target."""
        if self.head is not None:
            self.head.add_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A complete header, or a trailer."""
        if self.head is not None:
            self.head.add_header(name, value)
        elif not self._repeating_head:
            self._bounds.take_trailer(line_size(name, value))

    def on_headers_complete(self) -> None:
        """The head is complete; the body follows."""
        if self.head is None:  # it is repeated
            return
        head, version = self.head, self._parser.get_http_version()
        if head.in_pieces:
            self._bounds.require_small_head(head.size)
        head.require_answerable(version)
        if len(self.exchanges) >= MOST_AHEAD:
            raise Refusal(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"send at most {MOST_AHEAD} requests ahead of their answers",
            )
        if self._parser.should_upgrade():
            self._declined = head.framing
        path, query = head.target()
        self.head = None
        self._bounds.begin_body()
        scope = self._scope.copy()
        scope["http_version"] = version
        scope["method"] = self._parser.get_method().decode("ascii")
        scope["path"] = unquote(path.decode("ascii"))
        scope["raw_path"] = path
        scope["query_string"] = query
        scope["headers"] = head.headers
        self._receiving = Exchange(
            self,
            scope,
            size=head.body_size(),
            waits=head.waits(version),
            keep_alive=version != "1.0" and self._parser.should_keep_alive(),
        )
        self.exchanges.append(self._receiving)
        self._answer_next()
        if not self._receiving.begun:  # it waits for its turn
            self.pause_reading()
            if not self._receiving.wait():
                raise _too_far_ahead()
        self.deadlines.asked = True
        if self.connections.ending:
            self.end_after_response()

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._put_off.pieces += 1
        if self._receiving is not None:
            self._receiving.add(body)
            if not (self._receiving.begun or self._receiving.may_wait):
                raise _too_far_ahead()
        self._bounds.take_content(len(body))

    def on_message_complete(self) -> None:
        """The request is complete; the next one may follow on this connection."""
        # If another protocol was offered, it is not: the parser does not see the body.
        if self._declined is None and self._receiving is not None:
            self._receiving.end()
            self._heard_all = not self._receiving.keep_alive
            self._receiving = None
            self._bounds.count = 0

    def on_upgrade_declined(self) -> None:
        """The client offered another protocol, and its request is answered in this one.

        The parser is where the next request would start, so a body is announced to it once more.
        """
        if self._declined is not None:
            name, value = self._declined
            self._declined, self._repeating_head = None, True
            self._parser.feed_data(b"PUT / HTTP/1.1\r\n%b: %b\r\n\r\n" % (name, value))
            self._repeating_head = False

    # From exchanges, see `exchange.Line`

    async def writable(self) -> None:
        """Wait until the client has taken most of what it was sent."""
        if self._writable is not None:
            await self._writable

    async def flushed(self) -> None:
        """Wait until the kernel has all that was written."""
        if self.transport.get_write_buffer_size():
            self.transport.set_write_buffer_limits(0)
            await self.writable()
            self.transport.set_write_buffer_limits()

    def body_wanted(self) -> None:
        """The application asks for the body."""
        if self._receiving is not None and not self._put_off.waits:
            self._takeover.begin(self._receiving)

    def let_continue(self) -> None:
        """Tell a client to send the body that it waits with; its time begins now."""
        self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.deadlines.turn()

    @override
    def pause_reading(self) -> None:
        if self.reading and not (self._half_closed or self.transport.is_closing()):
            self.reading = False
            if not self._put_off.waits:
                self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Take what the client sends."""
        if not (self.reading or self._half_closed or self.transport.is_closing()):
            self.reading = True
            if not self._put_off.waits:
                self.transport.resume_reading()

    @property
    def _is_reading(self) -> bool:
        return self.reading and not (self._half_closed or self.transport.is_closing())

    def answered(self, exchange: Exchange) -> None:
        """The response is complete; the next request has its turn."""
        self.deadlines.turn()
        self._takeover.answered(goes_on=exchange.keep_alive)
        if not exchange.keep_alive:
            if exchange.more_body or self._more_came:
                self.part()
            else:
                self.transport.close()
        elif not self.parting:
            self.exchanges.popleft()
            if self.exchanges:
                self._answer_next()
            else:
                self.resume_reading()

    # From the large body

    @override
    def moved(self, size: int) -> None:
        self.deadlines.move(size)

    @override
    def body_received(self) -> None:
        self._takeover.end()
        # The one that there was would wait for it.
        self._parser = DecliningParser(self, self.on_upgrade_declined)
        self.on_message_complete()

    @override
    def body_left(self, rest: bytes) -> None:
        self._takeover.end()
        self.data_received(rest)

    def part(self) -> None:
        """Close the connection in stages, for a client that is still sending.

        "If a server performs an immediate close of a TCP connection, there is a significant risk
        that the client will not be able to read the last HTTP response. … To avoid the TCP reset
        problem, servers typically close a connection in stages" (RFC 9112, 9.6): no more is sent,
        and what still comes is read and forgotten, until the client closes its side or has had its
        time. Of one that has closed it already, nothing more comes.
        """
        self.parting = True
        if self._half_closed:
            self.transport.close()
            return
        self.deadlines.part()
        self.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()

    # From the worker

    def end_after_response(self) -> None:
        """Close the connection when what was asked for is answered."""
        for exchange in self.exchanges:
            exchange.keep_alive = False

    def end(self) -> None:
        """Close the connection: now if nothing is on its way, else after it."""
        self.end_after_response()
        if not (self.exchanges or self.head or self.parting):
            self.transport.close()

    def _take(self, data: bytes) -> None:
        """Take bytes. Of a body in chunks the parser sees nothing before it is wanted.

        Raises:
            NoMoreRequests, Refusal, HttpParserError: as `_parse`.
        """
        end = data.find(_HEAD_END) + len(_HEAD_END) if self._receiving is None else 0
        if end < len(_HEAD_END):  # no head ends here
            self._parse(data)
            return
        is_all = end == len(data)  # as of nearly all that bring no body
        self._parse(data if is_all else memoryview(data)[:end], is_head=True)
        if self._receiving is not None and self._receiving.is_unseen and not self._declined:
            self._takeover.set_aside(memoryview(data)[end:])
        elif not is_all:
            if self._heard_all:
                raise NoMoreRequests
            self._parse(memoryview(data)[end:])

    def _parse(self, data: bytes | memoryview, *, is_head: bool = False) -> None:
        """Parse bytes: never more at once than a head may have, to see when one has more.

        Of many small chunks some are parsed, and others in the next turn.

        Args:
            is_head: the bytes end with a head, and no chunk is among them.

        Raises:
            NoMoreRequests: some of them are behind the last request.
            Refusal: there is more of something than there may be.
            HttpParserError: they are not HTTP, or something else about them is refused.
        """
        if len(data) <= self._allowance(data, is_head=is_head):
            self._parse_piece(data)
            return
        rest = memoryview(data)
        while rest:
            allowance = self._allowance(rest, is_head=is_head)
            self._parse_piece(rest[:allowance])
            rest = rest[allowance:]
            if rest and self._heard_all:
                raise NoMoreRequests
            if rest and self._put_off.is_over:
                self._put_off.add(rest)
                return

    def _allowance(self, data: bytes | memoryview, *, is_head: bool) -> int:
        """Bytes of these that may be parsed before it is looked what they were."""
        most = self._bounds.allowance
        announced = 0 if self._receiving is None else self._receiving.missing
        size = len(data)
        if is_head or size <= max(SLICE, announced) or has_few_chunks(data[:most]):
            return most
        return min(max(SLICE, announced), most)

    def _parse_piece(self, piece: bytes | memoryview) -> None:
        self._bounds.count += len(piece)
        self._parser.feed_data(piece)
        if self._receiving is not None:
            self._bounds.require_little_framing()
        elif self.head is not None:
            self.head.in_pieces = True
            self._bounds.take_url(self.head.newly_read_url())
            self._bounds.require_allowance()
        elif self._bounds.count:
            self._bounds.require_few_blank()

    def _answer_next(self) -> None:
        """Begin with the next request if its answer can leave; until then it is not even made."""
        if not self.exchanges or self._writable is not None:
            return
        exchange = self.exchanges[0]
        if not (exchange.begun or exchange.gone):
            exchange.begin()
            exchange.scope[ARRIVED] = time.monotonic()
            # With a name, or one would be made up.
            exchange.task = asyncio.Task(
                exchange.run(self._application), loop=self.loop, name="request"
            )
            self.connections.tasks.add(exchange.task)

    def _give_up(self) -> None:
        """Tell all requests of this connection that their client is gone."""
        for exchange in self.exchanges:
            exchange.leave()

    def _not_http(self, data: bytes) -> Refusal:
        if is_proxy_protocol(data):
            self.connections.proxy_protocol.give(self._peer)
            return NO_PROXY_PROTOCOL
        if not is_tls(data):
            return NOT_HTTP
        self.connections.https_for_http.give(self._peer)
        return NOT_TLS

    def _refuse(self, refusal: Refusal) -> None:
        """Answer what could not be read as a request."""
        answering = any(exchange.started and not exchange.complete for exchange in self.exchanges)
        self._give_up()
        if not answering:  # else the client would take this for the rest of that answer
            self.transport.write(refusal.render(self.connections, head=self._is_head_asked()))
        self.part()

    def _is_head_asked(self) -> bool:
        """Whether what is being received is a HEAD, to which no answer has a body."""
        asked = self.head is not None and self.head.has_target
        return asked and self._parser.get_method() == b"HEAD"


class Misdirected(Connection):
    """A connection on which HTTP came where HTTPS is spoken: it is told so, and that is all.

    Args:
        said: how it began.
    """

    def __init__(self, application: Application, connections: Connections, said: bytes) -> None:
        super().__init__(application, connections)
        self._is_proxy_protocol = is_proxy_protocol(said)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is here."""
        super().connection_made(transport)
        if self._is_proxy_protocol:
            self.connections.proxy_protocol.give(self._peer)
            self._refuse(NO_PROXY_PROTOCOL)
        else:
            self.connections.http_for_https.give(self._peer)
            self._refuse(NOT_HTTPS)


def _too_far_ahead() -> Refusal:
    return Refusal(
        HTTPStatus.TOO_MANY_REQUESTS, "too much was sent ahead of its turn; wait for the answers"
    )

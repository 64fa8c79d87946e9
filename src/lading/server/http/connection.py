"""A connection: what its client asks for is answered, one request after the other.

What is not HTTP, or too large, gets the protocol's JSON error, then the connection is closed. How
requests are read stands in `reader.py`, how long is waited for what in `deadlines.py`.
"""

import asyncio
import time
from collections import deque
from typing import Any

import httptools

from lading.edge.asgi import ARRIVED, PIPES, Application
from lading.server.http.connections import Connections
from lading.server.http.deadlines import Deadlines
from lading.server.http.exchange import Exchange
from lading.server.http.parser import NoMoreRequests
from lading.server.http.prefaces import goes_on_for_the_ended, is_proxy_protocol, is_tls
from lading.server.http.put_off import PutOff
from lading.server.http.reader import RequestReader
from lading.server.http.refusal import (
    NO_PROXY_PROTOCOL,
    NOT_HTTP,
    NOT_HTTPS,
    NOT_TLS,
    TOO_MANY_CONNECTIONS,
    Refusal,
    too_far_ahead,
)
from lading.server.http.sendfile import can_send_files
from lading.server.http.takeover import Takeover

# Bytes of answers that may wait in this program for their client, beside what is written at once.
WRITTEN_AHEAD = 64 * 1024
# What the scope of a connection has room for, so that that of a request is a copy of it.
_OF_A_REQUEST = dict.fromkeys(
    ("http_version", "method", "path", "raw_path", "query_string", "headers", ARRIVED)
)


class Connection(asyncio.Protocol):
    """A connection with a client.

    Attributes:
        exchanges: requests that came and are not answered; the first one is being answered.
        writable: is done when the client has taken most of what it was sent; `None` if it has.
        reading: whether bytes are taken from the client.
        parting: the last response is sent: what still comes is not looked at.
    """

    transport: asyncio.Transport
    reader: RequestReader
    reading = True
    parting = False

    def __init__(self, application: Application, connections: Connections) -> None:
        self.connections = connections
        self.loop = asyncio.get_running_loop()
        self._application = application
        self.exchanges: deque[Exchange] = deque()
        self.deadlines = Deadlines(self, connections.timeouts)
        self.takeover = Takeover(self)
        self._peer = ""
        self.writable: asyncio.Future[None] | None = None
        # Something came behind the last request; nothing will, as the client has closed its side.
        self._more_came = False
        self._half_closed = False

    # From the transport

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is here."""
        self.transport = transport
        self._put_off = PutOff(transport, self._receive, lambda: self._is_reading)
        self.connections.open.add(self)
        plain = can_send_files(transport)
        if not plain:  # for which uvloop would keep eight times as much
            transport.set_write_buffer_limits(WRITTEN_AHEAD)
        peer, own = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "scheme": "http" if plain else "https",
            "root_path": "",
            "client": tuple(peer[:2]) if isinstance(peer, tuple) else None,
            "server": tuple(own[:2]) if isinstance(own, tuple) else None,
            "extensions": {"http.response.zerocopysend": {}, PIPES: {}} if plain else {},
            **_OF_A_REQUEST,
        }
        self.reader = RequestReader(self, scope, self._put_off)
        self._peer = peer[0] if isinstance(peer, tuple) else ""
        if not self.connections.addresses.enter(self._peer):
            self._refuse(TOO_MANY_CONNECTIONS)
        elif not plain and goes_on_for_the_ended(transport):
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """The client has left; every request that it sent is told."""
        self.connections.lost(self, self._peer)
        self.takeover.close()
        self._give_up()
        self.resume_writing()

    def data_received(self, data: bytes) -> None:
        """Take bytes from the connection."""
        if not (self.reader.heard_all or self.parting or self.transport.is_closing()):
            self.deadlines.move(len(data))
        if self._put_off.waits:
            self._put_off.add(data)
        else:
            self._put_off.pieces = 0
            self._receive(data)

    def _receive(self, data: bytes) -> None:
        """Take bytes whose turn has come."""
        if self.reader.heard_all or self.parting or self.transport.is_closing():
            self._more_came = True
            return
        try:
            self.reader.take(data)
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
        self._half_closed = True
        unfinished = self.reader.give_up()
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
        if self.writable is None:
            self.writable = self.loop.create_future()

    def resume_writing(self) -> None:
        """The client has taken most of it."""
        if self.writable is not None:
            if not self.writable.done():  # as it is when a response was given up
                self.writable.set_result(None)
            self.writable = None
            self._answer_next()

    # From the reader

    def asked(self, exchange: Exchange) -> None:
        """A request is here, or the head of one; it is answered after those before it.

        Raises:
            Refusal: it has to wait for them, and there is no memory for that.
        """
        self.exchanges.append(exchange)
        self._answer_next()
        if not exchange.begun:  # it waits for its turn
            self.pause_reading()
            if not exchange.wait():
                raise too_far_ahead()
        self.deadlines.asked = True
        if self.connections.ending:
            self.end_after_response()

    # From exchanges

    async def flushed(self) -> None:
        """Wait until the kernel has all that was written."""
        if self.transport.get_write_buffer_size():
            self.transport.set_write_buffer_limits(0)
            if self.writable is not None:
                await self.writable
            self.transport.set_write_buffer_limits()

    def body_wanted(self) -> None:
        """The application asks for the body."""
        receiving = self.reader.receiving
        if receiving is not None and not self._put_off.waits:
            self.takeover.begin(receiving)

    def let_continue(self) -> None:
        """Tell a client to send the body that it waits with; its time begins now."""
        self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.deadlines.turn()

    def pause_reading(self) -> None:
        """Take nothing more from the client."""
        if self._is_reading:
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
        self.takeover.answered(goes_on=exchange.keep_alive)
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

    def body_received(self) -> None:
        """The body is complete, and the parser did not see it."""
        self.takeover.end()
        self.reader.end_body()

    def body_left(self, rest: bytes) -> None:
        """The parser, which has seen nothing of the body, is to go on with this."""
        self.takeover.end()
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
        if not (self.exchanges or self.reader.head or self.parting):
            self.transport.close()

    def _answer_next(self) -> None:
        """Begin with the next request if its answer can leave; until then it is not even made."""
        if not self.exchanges or self.writable is not None:
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
            self.transport.write(refusal.render(self.connections, head=self.reader.is_head_asked))
        self.part()


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

"""How long a connection lasts.

A client that stands still does not keep its connection, and what belongs to it, for ever; one that
takes its time does: a single byte, in either direction, is a sign of life. When the server is to
end, a connection ends after the response that is under way, and no response is cut.
"""

import asyncio
import fcntl
import struct
import termios

from lading.edge.asgi import Application
from lading.server.exchange import Exchange
from lading.server.protocol import Http
from lading.server.refusal import NOT_HTTPS
from lading.server.state import State

# Seconds for the head of a request, from its first byte on, and for the first of all from when the
# connection is there, as nginx's `client_header_timeout`.
HEAD_TIMEOUT = 60.0
# Seconds without a sign of life in the middle of a request or an answer after which a connection
# may be closed for another one that would have to wait.
STANDING = 10.0


class Connection(Http):
    """A connection that knows when it is over."""

    def __init__(self, application: Application, server_state: State) -> None:
        super().__init__(application, server_state)
        self._moved_at = self.loop.time()
        self._head_began = 0.0
        self._unsent = 0
        self._asked = False
        # When it last moved before everything had been taken that was sent.
        self._settled_at = -1.0

    def data_received(self, data: bytes) -> None:
        """Take bytes from the connection."""
        self._moved_at = self.loop.time()
        super().data_received(data)

    def moved(self) -> None:
        """Some bytes have come."""
        self._moved_at = self.loop.time()

    def on_message_begin(self) -> None:
        """A request starts."""
        super().on_message_begin()
        self._head_began = self._moved_at

    def on_headers_complete(self) -> None:
        """The head is complete; the body follows."""
        super().on_headers_complete()
        self._asked = True
        if self.server_state.ending:
            self.end_after_response()

    def answered(self, exchange: Exchange) -> None:
        """The response is complete; the next request has its turn."""
        self._moved_at = self.loop.time()
        super().answered(exchange)

    def end_after_response(self) -> None:
        """Close the connection when what was asked for is answered."""
        for exchange in self._exchanges:
            exchange.keep_alive = False

    def shutdown(self) -> None:
        """Close the connection: now if nothing is on its way, else after it."""
        self.end_after_response()
        if not self._exchanges and self._head is None:
            self.transport.close()

    def leave_if_idle(self, now: float, timeout: float, keep_alive: float) -> None:
        """Close the connection if it is the client that nothing comes or goes for.

        Args:
            now: on the loop's clock.
            timeout: seconds without a sign of life in the middle of a request.
            keep_alive: seconds between two requests.
        """
        self._look_at_unsent(now)
        first = min(HEAD_TIMEOUT, timeout)
        if self._head is not None:
            over = now - self._head_began > first
        elif not self._is_idle():
            over = self._waits_for_client() and now - self._moved_at > timeout
        else:
            over = now - self._moved_at > (keep_alive if self._asked else first)
        if over:
            self.leave()

    def leave(self) -> None:
        """Close the connection, whatever is on its way."""
        if self._exchanges or self._unsent:
            self.transport.abort()
        else:
            self.transport.close()

    def make_way(self) -> None:
        """Close the connection for another one, which needs its descriptor now.

        One of TLS would be held until its client says that it has seen the end.
        """
        if self._constant["scheme"] == "https":
            self.transport.abort()
        else:
            self.leave()

    def dispensable(self) -> tuple[int, float] | None:
        """How soon it is closed for another connection: the smaller, the sooner; `None` if never.

        First goes what was refused, then what has been idle for longest, be it between two requests
        or before the first one; then whoever stands still in the middle of one.
        """
        if self.transport.is_closing():
            return None
        if self._parting:
            return 0, 0.0
        if self._head is not None:
            return 1, self._head_began
        if self._is_idle():
            return 1, self._moved_at
        if self._waits_for_client() and self.loop.time() - self._moved_at > STANDING:
            return 2, self._moved_at
        return None

    def _is_idle(self) -> bool:
        """Whether nothing was asked, or all of it answered and taken."""
        return not self._exchanges and not self._unsent

    def _look_at_unsent(self, now: float) -> None:
        """Find out whether the client has taken something, unless it has taken everything."""
        if not self._exchanges and self._settled_at == self._moved_at:
            return
        unsent = self._unsent_bytes()
        if unsent != self._unsent:
            self._unsent, self._moved_at = unsent, now
        if not unsent:
            self._settled_at = self._moved_at

    def _waits_for_client(self) -> bool:
        """Whether the next move is the client's: to take, to send the body, or to ask anything."""
        if self._unsent or not self._exchanges:
            return True
        answering = self._exchanges[0]
        return answering.more_body and self._reading and not answering.waits

    def _unsent_bytes(self) -> int:
        """Bytes that the client has not taken, of this program's buffer and of the kernel's."""
        waiting = self.transport.get_write_buffer_size()
        if self.transport.is_closing() and not waiting:  # perhaps closed already
            return 0
        descriptor = self.transport.get_extra_info("socket").fileno()
        (in_kernel,) = struct.unpack("i", fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(4)))
        return int(in_kernel) + waiting


class Misdirected(Connection):
    """A connection on which HTTP came where HTTPS is spoken: it is told so, and that is all."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is here."""
        super().connection_made(transport)
        self.server_state.http_for_https.give(self._peer)
        self._refuse(NOT_HTTPS)

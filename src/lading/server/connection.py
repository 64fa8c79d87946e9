"""How long a connection lasts.

A client that stands still does not keep its connection, and what belongs to it, for ever; one that
takes its time does: a single byte, in either direction, is a sign of life. When the server is to
end, a connection ends after the response that is under way, and no response is cut.
"""

import fcntl
import struct
import termios

from lading.api.asgi import Application
from lading.server.exchange import Exchange
from lading.server.protocol import Http
from lading.server.state import State

# Seconds for the head of a request, from its first byte on, as nginx's `client_header_timeout`.
HEAD_TIMEOUT = 60.0
# Seconds that a connection is kept between two requests; more than nginx keeps its own (60), so
# that it is never the registry that closes one which nginx is about to use.
KEEP_ALIVE = 75.0


class Connection(Http):
    """A connection that knows when it is over."""

    def __init__(self, application: Application, server_state: State) -> None:
        super().__init__(application, server_state)
        self._moved_at = self.loop.time()
        self._head_began = 0.0
        self._unsent = 0
        self._asked = False

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

    def leave_if_idle(self, now: float, timeout: float) -> None:
        """Close the connection if it is the client that nothing comes or goes for.

        Args:
            now: on the loop's clock.
            timeout: seconds without a sign of life.
        """
        unsent = self._unsent_bytes()
        if unsent != self._unsent:
            self._unsent, self._moved_at = unsent, now
        if self._head is not None and now - self._head_began > min(HEAD_TIMEOUT, timeout):
            self.transport.abort()
        elif self._waits_for_client():
            between = self._asked and not self._exchanges and not unsent
            if now - self._moved_at > (KEEP_ALIVE if between else timeout):
                self.transport.abort()

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

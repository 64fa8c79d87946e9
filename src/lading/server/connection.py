"""How long a connection lasts.

A client that stands still does not keep its connection, and what belongs to it, for ever; one that
takes its time does: a single byte, in either direction, is a sign of life. When the server is to
end, a connection ends after the response that is under way, and no response is cut.
"""

import asyncio
import fcntl
import struct
import termios

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from uvicorn.server import ServerState

from lading.server.protocol import BoundedHttp

# Seconds for the head of a request, from its first byte on, as nginx's `client_header_timeout`.
HEAD_TIMEOUT = 60.0


class State(ServerState):
    """What all connections of a process share.

    Attributes:
        ending: the server was told to stop: no connection outlives its next response.
    """

    ending = False


class Connection(BoundedHttp):
    """A connection that knows when it is over."""

    server_state: State

    _head_began = 0.0
    _moved_at = 0.0
    _unsent = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is here."""
        super().connection_made(transport)
        self._moved_at = self.loop.time()

    def data_received(self, data: bytes) -> None:
        """Take bytes from the connection."""
        self._moved_at = self.loop.time()
        super().data_received(data)

    def on_progress(self) -> None:
        """Some bytes of a large body have come."""
        self._moved_at = self.loop.time()

    def on_message_begin(self) -> None:
        """A request starts."""
        super().on_message_begin()
        self._head_began = self.loop.time()

    def on_headers_complete(self) -> None:
        """The head is complete; the body follows."""
        super().on_headers_complete()
        if self.server_state.ending:
            self.end_after_response()

    def end_after_response(self) -> None:
        """Close the connection when what was asked for is answered."""
        for request in self._open:
            request.keep_alive = False

    def shutdown(self) -> None:
        """Close the connection: now if nothing is on its way, else after it."""
        if not self._in_head:
            super().shutdown()

    def leave_if_idle(self, now: float, timeout: float) -> None:
        """Close the connection if it is the client that nothing comes or goes for.

        Args:
            now: on the loop's clock.
            timeout: seconds without a sign of life.
        """
        unsent = self._unsent_bytes()
        if unsent != self._unsent:
            self._unsent, self._moved_at = unsent, now
        idle = now - self._moved_at > timeout and self._waits_for_client()
        if idle or (self._in_head and now - self._head_began > min(HEAD_TIMEOUT, timeout)):
            self.transport.abort()

    def _waits_for_client(self) -> bool:
        """Whether the next move is the client's: to take, to send the body, or to ask anything."""
        if self._unsent:
            return True
        request = self._request()
        if request is None:
            return self.timeout_keep_alive_task is None
        asked_for_more = not self.flow.read_paused and not request.waiting_for_100_continue
        return request.more_body and asked_for_more

    def _request(self) -> RequestResponseCycle | None:
        """The request that is being answered."""
        return next((request for request in self._open if not request.response_complete), None)

    def _unsent_bytes(self) -> int:
        """Bytes that the client has not taken, of this program's buffer and of the kernel's."""
        waiting = self.transport.get_write_buffer_size()
        if self.transport.is_closing() and not waiting:  # perhaps closed already
            return 0
        descriptor = self.transport.get_extra_info("socket").fileno()
        (in_kernel,) = struct.unpack("i", fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(4)))
        return int(in_kernel) + waiting

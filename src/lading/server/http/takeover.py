"""The takeover of a connection by a large body: when it goes past the parser, and when no more."""

from typing import TYPE_CHECKING

from lading.server.http.body import Body, LargeBody
from lading.server.http.chunks import ChunkedBody
from lading.server.http.exchange import Exchange

if TYPE_CHECKING:
    from lading.server.http.connection import Connection


class Takeover:
    """The takeover of one connection.

    Whether a body is wanted turns out when the application asks for it; of one in chunks, of which
    the parser is to see nothing, what came with its head waits until then.
    """

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self._ahead: memoryview | None = None
        self._body: Body | None = None

    def set_aside(self, data: memoryview) -> None:
        """Keep what came with the head of a request whose body comes in chunks."""
        self._ahead = data
        self._connection.pause_reading()

    def begin(self, exchange: Exchange) -> None:
        """Have the rest of a body received without the parser, if it is wanted and that pays."""
        if self._ahead is None:
            self._enter(LargeBody.take_over(exchange, self._connection))
        elif exchange.wanted:
            ahead, self._ahead = self._ahead, None
            chunked = ChunkedBody.take_over(exchange, self._connection, ahead)
            if chunked is None:
                self._connection.data_received(bytes(ahead))
            else:
                self._enter(chunked)
                chunked.feed(ahead)

    def answered(self, *, goes_on: bool) -> None:
        """Keep nothing of a body whose request was answered without it; others may be behind it."""
        if self._body is not None:
            self._body.give_back()
        ahead, self._ahead = self._ahead, None
        if ahead is not None and goes_on:
            self._connection.data_received(bytes(ahead))

    def end(self) -> None:
        """What comes now is for the parser."""
        self._body = None
        self._connection.transport.set_protocol(self._connection)

    def close(self) -> None:
        """The client has left."""
        self._body = self._ahead = None

    def _enter(self, body: Body | None) -> None:
        if body is not None:
            self._body = body
            self._connection.transport.set_protocol(body)

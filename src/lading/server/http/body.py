"""Bodies of requests, past the parser."""

import asyncio
from typing import TYPE_CHECKING

from lading.core.typing import override
from lading.edge.body import PIECE, Buffers
from lading.server.http.exchange import Exchange

if TYPE_CHECKING:  # whose place a body takes
    from lading.server.http.connection import Connection

# Where bytes go that nobody wants; it is the same for all, as nobody looks at them.
_NOWHERE = memoryview(bytearray(64 * 1024))
# Bytes that are to come from which it pays to receive a body without the parser.
LARGE = 256 * 1024
# Bytes of a body handed on at once that is to be whole in memory, where it is copied. No disk is
# written from it, so it has no use for huge pages: to clear one takes the kernel up to some
# milliseconds (where a host has to find it first), on the event loop.
PIECE_OF_WHOLE = 256 * 1024


def piece_of(exchange: Exchange) -> int:
    """Bytes of a body that are handed on at once."""
    return PIECE_OF_WHOLE if exchange.is_unhurried else PIECE


class Body(asyncio.BufferedProtocol):
    """Takes the place of the connection's protocol while bytes of a body come.

    Buffers take turns: one is filled while the application works on those before it.
    """

    def __init__(self, exchange: Exchange, connection: "Connection") -> None:
        self._exchange = exchange
        self._connection = connection

    def hand_over(self) -> None:
        """Give the application what has come."""
        raise NotImplementedError

    def give_back(self) -> None:
        """Let others have the memory: the request was answered without the rest of the body."""
        raise NotImplementedError

    def eof_received(self) -> bool | None:
        """The client sends no more; what came is kept."""
        self.hand_over()
        return self._connection.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has left; what came is kept."""
        self.hand_over()
        self._connection.connection_lost(exc)

    @override
    def pause_writing(self) -> None:
        self._connection.pause_writing()

    @override
    def resume_writing(self) -> None:
        self._connection.resume_writing()


class LargeBody(Body):
    """The rest of a body that was announced.

    It goes from the socket into the buffer from which it is hashed and written: no parser looks at
    it, nothing copies it.
    """

    @classmethod
    def take_over(cls, exchange: Exchange, connection: "Connection") -> "LargeBody | None":
        """Take the rest of a body; `None` if it does not pay, or memory is short."""
        if exchange.size is None or exchange.missing < LARGE:
            return None
        # Before the application asks for the body, nobody knows whether the client may send it.
        if not (exchange.wanted and exchange.is_fresh):
            return None
        buffers = Buffers.if_affordable(min(piece_of(exchange), exchange.size), exchange.memory)
        return None if buffers is None else cls(exchange, connection, buffers)

    def __init__(self, exchange: Exchange, connection: "Connection", buffers: Buffers) -> None:
        super().__init__(exchange, connection)
        # With the head, the parser has seen the first of them. They come first in the first buffer,
        # so that all pieces are whole ones: what is written to a disk wants that.
        begun = exchange.take_back()
        self._buffers: Buffers | None = buffers
        self._filling = buffers.turn()
        self._filling[: len(begun)] = begun
        self._filled = len(begun)
        if self._filled == len(self._filling):
            self.hand_over()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's
        """Where the next bytes go."""
        end = min(len(self._filling), self._filled + self._left())
        return self._filling[self._filled : end]

    def buffer_updated(self, nbytes: int) -> None:
        """Take bytes that have come into the buffer."""
        self._connection.deadlines.move(nbytes)
        self._filled += nbytes
        if self._filled == len(self._filling) or self._left() == 0:
            self.hand_over()
        if self._exchange.missing == 0:
            self._connection.body_received()

    @override
    def give_back(self) -> None:
        self.hand_over()
        self._buffers, self._filling = None, _NOWHERE

    def _left(self) -> int:
        """Bytes of the body that are neither handed over nor in the buffer."""
        return self._exchange.missing - self._filled

    @override
    def hand_over(self) -> None:
        if self._filled:
            self._exchange.add(self._filling[: self._filled])
            self._filled = 0
            if self._buffers is not None:
                self._filling = self._buffers.turn()

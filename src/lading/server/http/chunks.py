"""Chunked bodies of requests, past the parser as long as their chunks are not many and small.

Docker, podman, skopeo and crane do not say how long a layer is, and send it in chunks of 32 KiB
(RFC 9112, 7.1); a proxy sends what it has just read, first of all the little that came with the
head. They are received into the buffer from which they are hashed and written, and moved together
there, over what frames them. All that is not the usual goes to the parser, with its bounds: an
extension, more chunks than a turn has, the last one with its trailers, what is no chunk at all. The
parser has seen the head and no chunk, so between any two of them it can go on.
"""

import re
from typing import TYPE_CHECKING, NamedTuple

from lading.core.typing import override
from lading.edge.body import Buffers
from lading.server.http.body import Body, piece_of
from lading.server.http.exchange import Exchange
from lading.server.http.put_off import MOST_PIECES

if TYPE_CHECKING:
    from lading.server.http.connection import Connection

# Bytes from which a chunk is large: moving it costs more than looking at what frames it.
LARGE_CHUNK = 4096
# Chunks that are looked at for a large one, of what came with the head.
_MOST_LOOKED_AT = 16
# Bytes of a buffer beyond a piece, so that there is always room for what frames a chunk, and more.
_BEYOND = 4096
# Bytes read at once of what nobody wants.
_DROPPED = 64 * 1024


class _Frame(NamedTuple):
    """What stands before the content of a chunk.

    Attributes:
        whole: its pattern, with the size, up to 4 GiB: "chunk-size = 1*HEXDIG".
        begun: that of what may become one.
        end: of the chunk before.
    """

    whole: re.Pattern[bytes]
    begun: re.Pattern[bytes]
    end: bytes


_FIRST = _Frame(re.compile(rb"([0-9A-Fa-f]{1,8})\r\n"), re.compile(rb"[0-9A-Fa-f]{0,8}\r?"), b"")
_NEXT = _Frame(
    re.compile(rb"\r\n([0-9A-Fa-f]{1,8})\r\n"),
    re.compile(rb"\r?|\r\n[0-9A-Fa-f]{0,8}\r?"),
    b"\r\n",
)
_LONGEST_FRAME = 12
# It makes the parser refuse a chunk that goes on beyond its size.
_NO_CHUNK = b"\0"


class ChunkedBody(Body):
    """A body that comes in chunks."""

    @classmethod
    def take_over(
        cls, exchange: Exchange, connection: "Connection", data: memoryview
    ) -> "ChunkedBody | None":
        """Take a body of which nothing was parsed; `None` if it does not pay, or memory is short.

        Args:
            data: what came of it with the head; perhaps nothing.
        """
        piece = piece_of(exchange)
        if len(data) > piece or (data and not _may_be_large(data)):
            return None
        buffers = Buffers.if_affordable(piece + _BEYOND, exchange.memory)
        return None if buffers is None else cls(exchange, connection, buffers)

    def __init__(self, exchange: Exchange, connection: "Connection", buffers: Buffers) -> None:
        super().__init__(exchange, connection)
        self._buffers: Buffers | None = buffers
        self._piece = buffers.size - _BEYOND
        self._filling = buffers.turn()
        # Bytes of content in the buffer; bytes behind them that are still to be understood.
        self._filled = self._unread = 0
        # Bytes of the chunk that are still to come, and what comes then.
        self._left = 0
        self._frame = _FIRST
        # What did not fit a piece. The next buffer is free when reading goes on, and not before.
        self._beyond = b""

    def feed(self, data: memoryview) -> None:
        """Take what came with the head."""
        if data:
            self.get_buffer(-1)[: len(data)] = data
            self.buffer_updated(len(data))

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's
        """Where the next bytes go."""
        self._filling[: len(self._beyond)] = self._beyond
        self._beyond = b""
        return self._filling[self._filled + self._unread :]

    def buffer_updated(self, nbytes: int) -> None:
        """Take bytes that have come into the buffer."""
        self._connection.deadlines.move(nbytes)
        rest = self._read(self._filled + self._unread + nbytes)
        if rest:
            self.hand_over()
            self._connection.body_left(rest)
        elif self._buffers is None:
            self._keep_unread(self._filling)
        elif self._filled >= self._piece:
            self._exchange.add(self._filling[: self._piece])
            self._beyond = bytes(self._filling[self._piece : self._filled + self._unread])
            self._filling, self._filled = self._buffers.turn(), self._filled - self._piece

    @override
    def hand_over(self) -> None:
        content = self._beyond[: self._filled] or self._filling[: self._filled]
        self._filled, self._unread, self._beyond = 0, 0, b""
        if content:
            self._exchange.add(content)

    @override
    def give_back(self) -> None:
        # What frames the chunks is still to be understood.
        self.get_buffer(-1)
        self._keep_unread(memoryview(bytearray(_DROPPED)))
        self._buffers = None

    def _keep_unread(self, buffer: memoryview) -> None:
        """Drop the content, and go on in that buffer."""
        buffer[: self._unread] = self._filling[self._filled : self._filled + self._unread]
        self._filling, self._filled = buffer, 0

    def _read(self, end: int) -> bytes:
        """Move content together, up to the end of what is in the buffer.

        Returns:
            What the parser has to go on with; nothing as long as all is as usual.
        """
        position = self._move_content(self._filled, end)
        chunks = 0
        while not self._left:
            whole = self._frame.whole.match(self._filling, position, end)
            if whole is None and self._frame.begun.fullmatch(self._filling, position, end):
                break
            size = 0 if whole is None else int(whole[1], 16)
            if whole is None or not size or chunks == MOST_PIECES:
                return self._behind_chunk(position, end)
            self._left, self._frame = size, _NEXT
            position = self._move_content(whole.end(), end)
            chunks += 1
        self._unread = end - position
        self._filling[self._filled : self._filled + self._unread] = self._filling[position:end]
        return b""

    def _behind_chunk(self, position: int, end: int) -> bytes:
        """What the parser has to go on with from there: what is behind the end of a chunk."""
        left = bytes(self._filling[position:end])
        return left.removeprefix(self._frame.end) if left.startswith(self._frame.end) else _NO_CHUNK

    def _move_content(self, position: int, end: int) -> int:
        """Put what is there of the chunk behind the one before; where it ends."""
        size = min(self._left, end - position)
        if size and position != self._filled:
            filling = self._filling
            filling[self._filled : self._filled + size] = filling[position : position + size]
        self._filled += size
        self._left -= size
        return position + size


def _may_be_large(data: memoryview) -> bool:
    """Whether the body may be large, as far as that is to be seen: its end is not here, or a large
    chunk is, and not only crumbs are.
    """
    frame, position = _FIRST, 0
    for _ in range(_MOST_LOOKED_AT):
        window = data[position : position + _LONGEST_FRAME]
        whole = frame.whole.match(window)
        if whole is None:
            return frame.begun.fullmatch(window) is not None
        size = int(whole[1], 16)
        if size >= LARGE_CHUNK or not size:
            return size > 0
        position += whole.end() + size
        frame = _NEXT
    return False

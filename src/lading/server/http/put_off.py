"""What was read of a connection and waits for its next turn, as others are to have theirs.

Each chunk of a body costs the parser a call, however small it is: what is read at once may hold
40,000 of them, and all other clients would wait meanwhile.
"""

import asyncio
from collections.abc import Callable

# Pieces of bodies that one connection's turn has, a millisecond; more than there are chunks of
# 1 KiB in what the system hands over at once.
MOST_PIECES = 512
# Bytes that may hold chunks, and are parsed before it is looked how many these were.
SLICE = 2 * 1024
# Line feeds in bytes that hold few chunks for certain: each chunk has two. What is compressed has
# half as many in the 64 KiB that are parsed at once.
_FEW_LINE_FEEDS = 512


def has_few_chunks(data: bytes | memoryview) -> bool:
    """Whether bytes hold so few chunks that all may be parsed at once.

    As those of 32 KiB by which clients and proxies send a layer: in slices they would come to the
    application as many times as many pieces.
    """
    return bytes(data).count(b"\n") <= _FEW_LINE_FEEDS  # of two bytes it takes twice as long


class PutOff:
    """The bytes of one connection that were read and are parsed in its next turns.

    Args:
        transport: from which nothing is read meanwhile.
        go_on: takes the bytes in the next turn.
        is_wanted: whether the connection takes bytes when nothing waits.

    Attributes:
        pieces: of bodies, in this turn.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        go_on: Callable[[bytes], None],
        is_wanted: Callable[[], bool],
    ) -> None:
        self._transport = transport
        self._go_on = go_on
        self._is_wanted = is_wanted
        self._rest = b""
        self.pieces = 0

    @property
    def waits(self) -> bool:
        """Whether something was put off."""
        return bool(self._rest)

    @property
    def is_over(self) -> bool:
        """Whether this turn has had its pieces."""
        return self.pieces > MOST_PIECES

    def add(self, data: bytes | memoryview) -> None:
        """Put something off, behind what was before."""
        if not self._rest:
            if self._is_wanted():
                self._transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._take_turn)
        self._rest += data

    def _take_turn(self) -> None:
        rest, self._rest, self.pieces = self._rest, b"", 0
        self._go_on(rest)
        if not self._rest and self._is_wanted():
            self._transport.resume_reading()

"""Bodies of answers: of a length that is said, in chunks, or up to the end of the connection."""

from typing import Protocol

from lading.client.errors import NoAnswer
from lading.client.header_lines import Headers
from lading.client.incoming import Incoming

# Of a length; Python makes no number of thousands.
_MOST_DIGITS = 18
_HEX = frozenset("0123456789abcdefABCDEF")
# Lines behind the last chunk (RFC 9112, 7.1.2), as many as a head may have.
_MOST_TRAILERS = 100


class AnswerBody(Protocol):
    """A body that is read piece by piece.

    Attributes:
        is_over: whether all of it was read, so that another answer may follow.
    """

    is_over: bool

    def read(self, most: int) -> bytes:
        """The bytes that there are, or come next; none at the end.

        Raises:
            OSError: not all of it comes.
        """


def body_of(method: str, status: int, headers: Headers, incoming: Incoming) -> AnswerBody:
    """The body of an answer (RFC 9112, 6.3: "Message Body Length").

    Raises:
        NoAnswer: it says two lengths.
    """
    if method == "HEAD" or status in {204, 304}:
        return SizedAnswerBody(incoming, 0)
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return ChunkedAnswerBody(incoming)
    said = set(headers.getlist("content-length"))
    if len(said) > 1:
        raise NoAnswer(f"the answer has two lengths: {', '.join(sorted(said))[:80]}")
    length = said.pop() if said else ""
    if length.isascii() and length.isdigit() and len(length) <= _MOST_DIGITS:
        return SizedAnswerBody(incoming, int(length))
    return OpenAnswerBody(incoming)


class SizedAnswerBody:
    """A body whose length is known."""

    def __init__(self, incoming: Incoming, length: int) -> None:
        self._incoming = incoming
        self._left = length
        self.is_over = length == 0

    def read(self, most: int) -> bytes:
        """The bytes that there are, or come next; none at the end."""
        if self.is_over:
            return b""
        piece = self._incoming.some(min(most, self._left))
        if not piece:
            raise NoAnswer(f"the connection is closed, and {self._left} bytes are missing")
        self._left -= len(piece)
        self.is_over = self._left == 0
        return piece


class ChunkedAnswerBody:
    """A body in chunks, each of which says its length (RFC 9112, 7.1)."""

    def __init__(self, incoming: Incoming) -> None:
        self._incoming = incoming
        self._chunk = SizedAnswerBody(incoming, 0)
        self._is_begun = False
        self.is_over = False

    def read(self, most: int) -> bytes:
        """The bytes that there are, or come next; none at the end."""
        if self._chunk.is_over:
            self._begin_chunk()
        return self._chunk.read(most)

    def _begin_chunk(self) -> None:
        """Read what is between two chunks, all of it in the time that a head has."""
        if self.is_over:
            return
        self._incoming.begin_head()
        if self._is_begun and self._incoming.line().strip():
            raise NoAnswer("a chunk is longer than it says")
        self._is_begun = True
        said = self._incoming.line().partition(b";")[0].strip().decode("iso-8859-1")
        if not 0 < len(said) <= _MOST_DIGITS or not _HEX.issuperset(said):
            raise NoAnswer(f"a chunk has no length, but {said[:40]!r}")
        length = int(said, 16)
        self._chunk = SizedAnswerBody(self._incoming, length)
        if length == 0:
            self._end()
        self._incoming.end_head()

    def _end(self) -> None:
        """Read the lines behind the last chunk, of which nothing is needed."""
        for _ in range(_MOST_TRAILERS + 1):
            if not self._incoming.line().strip():
                self.is_over = True
                return
        raise NoAnswer("the answer has no end, but more and more headers")


class OpenAnswerBody:
    """A body that ends with its connection, on which nothing can follow."""

    is_over = False

    def __init__(self, incoming: Incoming) -> None:
        self._incoming = incoming

    def read(self, most: int) -> bytes:
        """The bytes that there are, or come next; none at the end."""
        return self._incoming.some(most)

"""Answers taken apart as they come: by httptools, which knows the syntax, and within bounds."""

import httptools

from lading.client.answer_headers import Headers
from lading.client.errors import NoAnswer

_MOST_HEADERS = 100
# Of a head with all that comes before it; of trailers, and of what else is no part of a body.
_MOST_BARE = 64 * 1024
# The answer to CONNECT, if it is not a refusal, is followed by what comes through the tunnel.
_WITHOUT_BODY = frozenset({"HEAD", "CONNECT"})
# What is said of one that is no HTTP.
_MOST_SAID = 40


class AnswerParser:
    """A parser of the answer to a request; what it has of the body waits to be taken.

    Attributes:
        status: the code of the status line; 0 until all of the head is there.
        headers: of the head, without trailers.
        may_go_on: whether another answer can follow on the connection.
        room: how many bytes may come before a head is there, or more of a body.
    """

    def __init__(self, method: str) -> None:
        self.status = 0
        self.headers = Headers([])
        self.may_go_on = False
        self._has_no_body = method in _WITHOUT_BODY
        self._is_complete = False
        self._pairs: list[tuple[str, str]] = []
        self._pieces: list[bytes] = []
        self._taken = 0
        # Bytes after which the body ends though httptools does not know it.
        self._ends_after: int | None = None
        self._wrong: NoAnswer | None = None
        self._start = b""
        self.room = _MOST_BARE
        self._parser = httptools.HttpResponseParser(self)
        # Lines that go on are as old as HTTP; chunks overrule a length (RFC 9112, 5.2 and 6.3).
        self._parser.set_dangerous_leniencies(
            lenient_headers=True,
            lenient_chunked_length=True,
            # So scripts answer that are asked for their health; and no body begins elsewhere then.
            lenient_optional_cr_before_lf=method == "HEAD",
        )

    @property
    def is_over(self) -> bool:
        """Whether all of the body was taken."""
        return self._is_complete and not self._pieces

    def feed(self, data: bytes) -> bool:
        """Take bytes of the connection; whether they have a head, some of a body, or an end.

        Raises:
            NoAnswer: they are no answer. What is wrong behind the head is told when it is reached.
        """
        try:
            self._parse(data)
        except NoAnswer as wrong:
            if not self.status:
                raise
            self._wrong = wrong
        return self.room == _MOST_BARE or self._is_complete or self._wrong is not None

    def end(self) -> None:
        """Take the end of the connection.

        Raises:
            NoAnswer: not all of the answer was there. A head may lack the length of its body, which
                would be taken for all that comes until the end.
        """
        if not self._start:
            raise NoAnswer("the connection is closed without an answer")
        if not self.status:
            raise NoAnswer("the connection is closed within the head of the answer")
        length = self._length()
        if length is not None:
            missing = length - self._come()
            raise NoAnswer(f"the connection is closed, and {missing} bytes are missing")
        if "transfer-encoding" in self.headers and not self._is_identity():
            raise NoAnswer("the connection is closed within the body of the answer")
        self._is_complete = True

    def take(self, most: int) -> bytes:
        """What has come of the body; none if nothing waits, `NoAnswer` if it is no part of it."""
        if not self._pieces:
            if self._wrong is not None:
                raise self._wrong
            return b""
        come = b"".join(self._pieces)
        length = len(come)
        if length > most:
            self._pieces = [come[most:]]
            self._taken += most
            return come[:most]
        self._pieces = []
        self._taken += length
        return come

    def on_message_begin(self) -> None:
        """Begin an answer: one before the one (RFC 9110, 15.2), that, or what nobody asked for."""
        self._pairs = []
        if self._is_complete:
            self.may_go_on = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note a header, or a trailer, of which nothing is needed."""
        self._pairs.append((name.decode("iso-8859-1"), value.decode("iso-8859-1").strip()))

    def on_headers_complete(self) -> None:
        """Have the head, unless it is of an answer before the one."""
        status = self._parser.get_status_code()
        if self._is_complete or (100 <= status < 200 and status != 101):
            return
        self.status, self.headers = status, Headers(self._pairs)
        self._pairs = []
        self.room = _MOST_BARE
        self._is_complete = self._has_no_body
        self.may_go_on = self._parser.should_keep_alive() or self._is_bodiless_and_kept()
        if not self.may_go_on and self._is_identity():
            self._ends_after = self._length()
            self._is_complete |= self._ends_after == 0

    def on_chunk_header(self) -> None:
        """Begin a chunk."""
        self._note_body()

    def on_body(self, piece: bytes) -> None:
        """Have bytes of the body."""
        self._note_body()
        if not self._is_complete:
            self.room = _MOST_BARE
            self._pieces.append(piece)
            if self._ends_after is not None and (beyond := self._come() - self._ends_after) >= 0:
                self._pieces[-1] = piece[: len(piece) - beyond]
                self._is_complete = True

    def on_message_complete(self) -> None:
        """Have all of the body."""
        self._is_complete = self.status != 0

    def check_head(self) -> None:
        """Check what httptools does not.

        Raises:
            NoAnswer: it is of a version that we do not speak, has no status, or is too long.
        """
        _check_number(self.headers.items())
        if self._parser.get_http_version() > "1.9" or self.status < 100:
            raise self._refusal(None)

    def _parse(self, data: bytes) -> None:
        self._start += data[: _MOST_SAID - len(self._start)]
        self.room -= len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            # Behind the answer: what nobody asked for, or another protocol.
            self.may_go_on = False
            if not self._is_complete:
                raise self._refusal(error) from None
        _check_number(self._pairs)
        if self.room <= 0:
            raise NoAnswer(f"got more than {_MOST_BARE} bytes of no body")

    def _note_body(self) -> None:
        if self._is_complete:  # as after a head alone, or behind the end
            self.may_go_on = False

    def _come(self) -> int:
        """How many bytes of the body have come."""
        return self._taken + sum(map(len, self._pieces))

    def _is_identity(self) -> bool:
        """Whether the body is coded as it is, which some say though it was taken out of HTTP.

        It changes nothing (RFC 2616, 3.6); httptools takes it for a coding that ends with the
        connection, for which one would wait.
        """
        return self.headers.get("transfer-encoding").strip().lower() == "identity"

    def _length(self) -> int | None:
        """The length of the body, if the head says one that counts."""
        said = self.headers.get("content-length")
        is_coded = "transfer-encoding" in self.headers and not self._is_identity()
        return int(said) if said.isdecimal() and not is_coded else None

    def _is_bodiless_and_kept(self) -> bool:
        """Whether a length that a HEAD's answer lacks is all by which its connection would end."""
        is_said = "connection" in self.headers or self._parser.get_http_version() != "1.1"
        return self._has_no_body and not is_said

    def _refusal(self, error: Exception | None) -> NoAnswer:
        if error is not None and self._start.startswith(b"HTTP/1."):
            return NoAnswer(f"the answer cannot be read: {error}")
        said = self._start.partition(b"\n")[0].decode("iso-8859-1").strip()
        return NoAnswer(f"what answers speaks no HTTP/1.1, but says {said!r}")


def _check_number(headers: list[tuple[str, str]]) -> None:
    if len(headers) > _MOST_HEADERS:
        raise NoAnswer(f"got more than {_MOST_HEADERS} headers")

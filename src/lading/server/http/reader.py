"""The reader of requests: bytes that a client sends become exchanges, through the parser.

The parser accepts heads of any size, and with any number of hosts; what a stranger may make this
program keep in memory, or believe, is limited here: `bounds.py` has the table.
"""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from lading.server.http.bounds import Bounds
from lading.server.http.exchange import Exchange
from lading.server.http.head import Head, line_size
from lading.server.http.parser import DecliningParser, NoMoreRequests
from lading.server.http.put_off import SLICE, PutOff, has_few_chunks
from lading.server.http.refusal import Refusal, too_far_ahead

if TYPE_CHECKING:  # which has a reader
    from lading.server.http.connection import Connection

# Requests of a connection that may wait for their answers; each takes some KiB, and real clients
# wait themselves.
MOST_AHEAD = 256
# What is behind a head.
_HEAD_END = b"\r\n\r\n"


class RequestReader:
    """The reader of the requests of one connection; the parser calls what begins with `on_`.

    Args:
        scope: of the connection, of which that of a request is a copy.
        put_off: has what is parsed in a later turn.

    Attributes:
        head: the one that is being received; that of a body is complete, and out of reach.
        receiving: the request whose body is being received.
        heard_all: the last request is here: what still comes is not looked at.
    """

    head: Head | None = None
    receiving: Exchange | None = None
    heard_all = False
    _repeating_head = False
    # The header that tells where a body ends which the parser believes to be in another protocol.
    _declined: tuple[bytes, bytes] | None = None

    def __init__(self, connection: "Connection", scope: dict[str, Any], put_off: PutOff) -> None:
        self._connection = connection
        self._scope = scope
        self._put_off = put_off
        self._parser = DecliningParser(self, self._decline_upgrade)
        self._bounds = Bounds(connection.connections.max_head)

    def take(self, data: bytes) -> None:
        """Take bytes. Of a body in chunks the parser sees nothing before it is wanted.

        Raises:
            NoMoreRequests, Refusal, HttpParserError: as `_parse`.
        """
        end = data.find(_HEAD_END) + len(_HEAD_END) if self.receiving is None else 0
        if end < len(_HEAD_END):  # no head ends here
            self._parse(data)
            return
        is_all = end == len(data)  # as of nearly all that bring no body
        self._parse(data if is_all else memoryview(data)[:end], is_head=True)
        if self.receiving is not None and self.receiving.is_unseen and not self._declined:
            self._connection.takeover.set_aside(memoryview(data)[end:])
        elif not is_all:
            if self.heard_all:
                raise NoMoreRequests
            self._parse(memoryview(data)[end:])

    def give_up(self) -> Exchange | None:
        """Expect nothing more; the request of which something is missing, if one is."""
        self.heard_all = True
        unfinished, self.receiving = self.receiving, None
        return unfinished

    def end_body(self) -> None:
        """The body is complete, and the parser, which would wait for it, did not see it."""
        self._parser = DecliningParser(self, self._decline_upgrade)
        self.on_message_complete()

    @property
    def is_head_asked(self) -> bool:
        """Whether what is being received is a HEAD, to which no answer has a body."""
        asked = self.head is not None and self.head.has_target
        return asked and self._parser.get_method() == b"HEAD"

    def on_message_begin(self) -> None:
        """A request starts."""
        if self.heard_all:
            raise NoMoreRequests
        if not self._repeating_head:
            self.head = Head()
            self._connection.deadlines.begin()

    def on_url(self, url: bytes) -> None:
        """A part of the request line's target."""
        if self.head is not None:
            self.head.add_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A complete header, or a trailer."""
        if self.head is not None:
            self.head.add_header(name, value)
        elif not self._repeating_head:
            self._bounds.take_trailer(line_size(name, value))

    def on_headers_complete(self) -> None:
        """The head is complete; the body follows."""
        if self.head is None:  # it is repeated
            return
        head, version = self.head, self._parser.get_http_version()
        if head.in_pieces:
            self._bounds.require_small_head(head.size)
        head.require_answerable(version)
        if len(self._connection.exchanges) >= MOST_AHEAD:
            raise Refusal(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"send at most {MOST_AHEAD} requests ahead of their answers",
            )
        if self._parser.should_upgrade():
            self._declined = head.framing
        path, query = head.target()
        self.head = None
        self._bounds.begin_body()
        scope = self._scope.copy()
        scope["http_version"] = version
        scope["method"] = self._parser.get_method().decode("ascii")
        scope["path"] = unquote(path.decode("ascii"))
        scope["raw_path"] = path
        scope["query_string"] = query
        scope["headers"] = head.headers
        self.receiving = Exchange(
            self._connection,
            scope,
            size=head.body_size(),
            waits=head.waits(version),
            keep_alive=version != "1.0" and self._parser.should_keep_alive(),
        )
        self._connection.asked(self.receiving)

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._put_off.pieces += 1
        if self.receiving is not None:
            self.receiving.add(body)
            if not (self.receiving.begun or self.receiving.may_wait):
                raise too_far_ahead()
        self._bounds.take_content(len(body))

    def on_message_complete(self) -> None:
        """The request is complete; the next one may follow on this connection."""
        # If another protocol was offered, it is not: the parser does not see the body.
        if self._declined is None and self.receiving is not None:
            self.receiving.end()
            self.heard_all = not self.receiving.keep_alive
            self.receiving = None
            self._bounds.count = 0

    def _decline_upgrade(self) -> None:
        """Have a request answered in this protocol whose client offered another one.

        The parser is where the next request would start, so a body is announced to it once more.
        """
        if self._declined is not None:
            name, value = self._declined
            self._declined, self._repeating_head = None, True
            self._parser.feed_data(b"PUT / HTTP/1.1\r\n%b: %b\r\n\r\n" % (name, value))
            self._repeating_head = False

    def _parse(self, data: bytes | memoryview, *, is_head: bool = False) -> None:
        """Parse bytes: never more at once than a head may have, to see when one has more.

        Of many small chunks some are parsed, and others in the next turn.

        Args:
            is_head: the bytes end with a head, and no chunk is among them.

        Raises:
            NoMoreRequests: some of them are behind the last request.
            Refusal: there is more of something than there may be.
            HttpParserError: they are not HTTP, or something else about them is refused.
        """
        if len(data) <= self._allowance(data, is_head=is_head):
            self._parse_piece(data)
            return
        rest = memoryview(data)
        while rest:
            allowance = self._allowance(rest, is_head=is_head)
            self._parse_piece(rest[:allowance])
            rest = rest[allowance:]
            if rest and self.heard_all:
                raise NoMoreRequests
            if rest and self._put_off.is_over:
                self._put_off.add(rest)
                return

    def _allowance(self, data: bytes | memoryview, *, is_head: bool) -> int:
        """Bytes of these that may be parsed before it is looked what they were."""
        most = self._bounds.allowance
        if is_head:
            return most
        announced = 0 if self.receiving is None else self.receiving.missing
        few = max(SLICE, announced)
        return most if len(data) <= few or has_few_chunks(data[:most]) else min(few, most)

    def _parse_piece(self, piece: bytes | memoryview) -> None:
        self._bounds.count += len(piece)
        self._parser.feed_data(piece)
        if self.receiving is not None:
            self._bounds.require_little_framing()
        elif self.head is not None:
            self.head.in_pieces = True
            self._bounds.take_url(self.head.newly_read_url())
            self._bounds.require_allowance()
        elif self._bounds.count:
            self._bounds.require_few_blank()

"""HTTP/1.1 with bounds.

The parser accepts heads of any size, and with any number of hosts; what a stranger may make this
program keep in memory, or believe, is limited here. What is not HTTP, or too large, gets the
protocol's JSON error, then the connection is closed.
"""

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from lading.server.body import Body, LargeBody
from lading.server.parser import DecliningParser, framing
from lading.server.parting import LINGER, PartingTransport

# nginx's `large_client_header_buffers` allows a line of 8 KiB; 100 tags of 128 bytes need 13.
MAX_URL = 16 * 1024
# Go's servers allow 1 MiB of headers, Node's 16 KiB. Tokens take a few KiB.
MAX_HEAD = 64 * 1024
# Bytes from which it pays to receive a body without the parser.
LARGE = 256 * 1024


class HeadRefusedError(Exception):
    """The request line or the headers break a rule."""


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's protocol, with limits for the request line and for all headers."""

    # A head that has begun and is not complete; how much came of it, and of its whole headers.
    _in_head = False
    _head_received = 0
    _head_size = 0
    # The last response is sent: what still comes is not looked at.
    _parting = False
    # The header that tells where a body ends which the parser believes to be in another protocol.
    _declined: tuple[bytes, bytes] | None = None
    _repeating_head = False
    # Of the request that is being received.
    _body: Body | None = None
    # Requests that came on this connection and are not answered yet.
    _open: Sequence[RequestResponseCycle] = ()
    _refusal = (HTTPStatus.BAD_REQUEST, "this is not a valid HTTP request")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parser = DecliningParser(self, self.on_upgrade_declined)

    def data_received(self, data: bytes) -> None:
        """Take bytes from the connection."""
        if self.transport.is_closing() or self._parting:
            return
        super().data_received(data)
        # The parser tells of a header when it is complete; count those that never are as well.
        if self._in_head and not self._parting:
            self._head_received += len(data)
            if self._head_received > MAX_HEAD + len(data):
                self._refuse_head()
                self.send_400_response("")
        if self._body is not None and self._body.missing >= LARGE and not self._parting:
            large = LargeBody(
                self._body, self, progressed=self.on_progress, completed=self._end_large_body
            )
            self.transport.set_protocol(large)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has left; every request that it sent is told, not only the last one."""
        super().connection_lost(exc)
        self._give_up()

    def on_message_begin(self) -> None:
        """A request starts."""
        if self._repeating_head:
            return
        super().on_message_begin()
        self._in_head, self._head_received, self._head_size = True, 0, 0

    def on_url(self, url: bytes) -> None:
        """A part of the request line's target."""
        if self._repeating_head:
            return
        super().on_url(url)
        if len(self.url) > MAX_URL:
            self._refusal = (
                HTTPStatus.REQUEST_URI_TOO_LONG,
                f"the URL may have at most {MAX_URL} bytes",
            )
            raise HeadRefusedError

    def on_header(self, name: bytes, value: bytes) -> None:
        """A complete header."""
        if self._repeating_head:
            return
        super().on_header(name, value)
        self._head_size += len(name) + len(value)
        if self._head_size > MAX_HEAD:
            self._refuse_head()
            raise HeadRefusedError

    def on_headers_complete(self) -> None:
        """The head is complete; the body follows."""
        if self._repeating_head:
            return
        self._in_head = False
        self._require_one_host()
        super().on_headers_complete()
        self._open = [*(cycle for cycle in self._open if not cycle.response_complete), self.cycle]
        framed = framing(self.headers)
        self._body = None
        if framed is not None:
            self.cycle.transport = PartingTransport(self.transport, self.cycle, self.part)
            self._body = self._prepare_body(*framed)
        if self.parser.should_upgrade():
            self._declined = framed

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        if self._body is None:
            super().on_body(body)
        else:
            self._body.add(body)

    def on_progress(self) -> None:
        """Some bytes of a large body have come."""

    def on_message_complete(self) -> None:
        """The request is complete; the next one may follow on this connection."""
        if self._declined is not None:  # it is not: the parser does not see the body
            return
        super().on_message_complete()

    def on_upgrade_declined(self) -> None:
        """The client offered another protocol, and its request is answered in this one.

        The parser is where the next request would start, so a body is announced to it once more.
        """
        if self._declined is not None:
            name, value = self._declined
            self._declined, self._repeating_head = None, True
            self.parser.feed_data(b"PUT / HTTP/1.1\r\n%b: %b\r\n\r\n" % (name, value))
            self._repeating_head = False

    def _prepare_body(self, name: bytes, value: bytes) -> Body:
        size = int(value) if name == b"content-length" else None
        body = Body(self.cycle, self.flow, size)
        # The application is given it when it runs, which is not yet.
        self.cycle.receive = body.receive  # type: ignore[assignment, method-assign]
        return body

    def _end_large_body(self) -> None:
        """The parser did not see the body, and would wait for it."""
        self.transport.set_protocol(self)
        self.parser = DecliningParser(self, self.on_upgrade_declined)
        self.on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn calls it
        """Answer what could not be read as a request."""
        answering = any(c.response_started and not c.response_complete for c in self._open)
        self._give_up()
        if not answering:  # else the client would take this for the rest of that answer
            self.transport.write(_refusal(*self._refusal))
        self.part()

    def part(self) -> None:
        """Close the connection in stages."""
        self._parting = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER, self.transport.close)

    def _give_up(self) -> None:
        """Tell all requests of this connection that their client is gone."""
        for cycle in self._open:
            if not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()

    def _require_one_host(self) -> None:
        """Refuse a request that leaves open whom it is for.

        "A server MUST respond with a 400 … to any HTTP/1.1 request message that lacks a Host header
        field and to any … that contains more than one" (RFC 9112, 3.2).
        """
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() == "1.1"):
            self._refusal = (HTTPStatus.BAD_REQUEST, "the request must have one Host header")
            raise HeadRefusedError

    def _refuse_head(self) -> None:
        self._refusal = (
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            f"the headers may have at most {MAX_HEAD} bytes",
        )


def _refusal(status: HTTPStatus, message: str) -> bytes:
    body = json.dumps({"errors": [{"code": "UNSUPPORTED", "message": message, "detail": {}}]})
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        "docker-distribution-api-version: registry/2.0\r\n"
        "x-content-type-options: nosniff\r\n"
        "content-type: application/json\r\n"
        f"content-length: {len(body)}\r\n"
        "connection: close\r\n\r\n"
    )
    return (head + body).encode()

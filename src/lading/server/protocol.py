"""HTTP/1.1 with bounds.

The parser accepts heads of any size, and with any number of hosts; what a stranger may make this
program keep in memory, or believe, is limited here. What is not HTTP, or too large, gets the
protocol's JSON error, then the connection is closed.
"""

import json
from collections.abc import Sequence
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

# nginx's `large_client_header_buffers` allows a line of 8 KiB; 100 tags of 128 bytes need 13.
MAX_URL = 16 * 1024
# Go's servers allow 1 MiB of headers, Node's 16 KiB. Tokens take a few KiB.
MAX_HEAD = 64 * 1024


class HeadRefusedError(Exception):
    """The request line or the headers break a rule."""


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's protocol, with limits for the request line and for all headers."""

    _in_head = True
    _head_size = 0
    # Requests that came on this connection and are not answered yet.
    _open: Sequence[RequestResponseCycle] = ()
    _refusal = (HTTPStatus.BAD_REQUEST, "this is not a valid HTTP request")

    def data_received(self, data: bytes) -> None:
        """Take bytes from the connection."""
        if self.transport.is_closing():
            return
        in_head_before = self._in_head
        super().data_received(data)
        # The parser tells of a header when it is complete; count those that never are as well.
        if in_head_before and self._in_head:
            self._head_size += len(data)
            if self._head_size > MAX_HEAD + len(data) and not self.transport.is_closing():
                self._refuse_head()
                self.send_400_response("")

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has left; every request that it sent is told, not only the last one."""
        super().connection_lost(exc)
        for cycle in self._open:
            if not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()

    def on_message_begin(self) -> None:
        """A request starts."""
        super().on_message_begin()
        self._in_head, self._head_size = True, 0

    def on_url(self, url: bytes) -> None:
        """A part of the request line's target."""
        super().on_url(url)
        if len(self.url) > MAX_URL:
            self._refusal = (
                HTTPStatus.REQUEST_URI_TOO_LONG,
                f"the URL may have at most {MAX_URL} bytes",
            )
            raise HeadRefusedError

    def on_header(self, name: bytes, value: bytes) -> None:
        """A complete header."""
        super().on_header(name, value)
        self._head_size += len(name) + len(value)
        if self._head_size > MAX_HEAD:
            self._refuse_head()
            raise HeadRefusedError

    def on_headers_complete(self) -> None:
        """The head is complete; the body follows."""
        self._in_head = False
        self._require_one_host()
        super().on_headers_complete()
        self._open = [*(cycle for cycle in self._open if not cycle.response_complete), self.cycle]

    def on_message_complete(self) -> None:
        """The request is complete; the next one may follow on this connection."""
        self._in_head, self._head_size = True, 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn calls it
        """Answer what could not be read as a request."""
        if any(cycle.response_started and not cycle.response_complete for cycle in self._open):
            # The client would take a second answer for the rest of the one it is reading.
            self.transport.close()
            return
        status, message = self._refusal
        body = json.dumps({"errors": [{"code": "UNSUPPORTED", "message": message, "detail": {}}]})
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\n"
            "docker-distribution-api-version: registry/2.0\r\n"
            "x-content-type-options: nosniff\r\n"
            "content-type: application/json\r\n"
            f"content-length: {len(body)}\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write((head + body).encode())
        self.transport.close()

    def _require_one_host(self) -> None:
        """Refuse a request that leaves open whom it is for.

        "A server MUST respond with a 400 … to any HTTP/1.1 request message that lacks a Host header
        field and to any … that contains more than one" (RFC 9112, 3.2).
        """
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() == "1.1"):
            self._refusal = (HTTPStatus.BAD_REQUEST, "the request must have one Host header")
            raise HeadRefusedError

    def _unsupported_upgrade_warning(self) -> None:
        """Java's and curl's clients offer HTTP/2 in each request; that is nothing to warn of."""

    def _refuse_head(self) -> None:
        self._refusal = (
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            f"the headers may have at most {MAX_HEAD} bytes",
        )

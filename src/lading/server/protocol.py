"""HTTP/1.1 with bounds.

The parser accepts heads of any size; what a stranger may make this program keep in memory is
limited here. What is not HTTP, or too large, gets the protocol's JSON error, then the connection is
closed.
"""

import json
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# nginx's `large_client_header_buffers` allows a line of 8 KiB; 100 tags of 128 bytes need 13.
MAX_URL = 16 * 1024
# Go's servers allow 1 MiB of headers, Node's 16 KiB. Tokens take a few KiB.
MAX_HEAD = 64 * 1024


class HeadTooLargeError(Exception):
    """The request line or the headers exceed a limit."""


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's protocol, with limits for the request line and for all headers."""

    _in_head = True
    _head_size = 0
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
            raise HeadTooLargeError

    def on_header(self, name: bytes, value: bytes) -> None:
        """A complete header."""
        super().on_header(name, value)
        self._head_size += len(name) + len(value)
        if self._head_size > MAX_HEAD:
            self._refuse_head()
            raise HeadTooLargeError

    def on_headers_complete(self) -> None:
        """The head is complete; the body follows."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is complete; the next one may follow on this connection."""
        self._in_head, self._head_size = True, 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn calls it
        """Answer what could not be read as a request."""
        status, message = self._refusal
        body = json.dumps({"errors": [{"code": "UNSUPPORTED", "message": message, "detail": {}}]})
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\n"
            "docker-distribution-api-version: registry/2.0\r\n"
            "content-type: application/json\r\n"
            f"content-length: {len(body)}\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write((head + body).encode())
        self.transport.close()

    def _refuse_head(self) -> None:
        self._refusal = (
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            f"the headers may have at most {MAX_HEAD} bytes",
        )

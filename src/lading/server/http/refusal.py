"""The answer to what cannot be read as a request: the protocol's JSON error, and the end."""

import json
from http import HTTPStatus

from lading.edge.response import JSON
from lading.server.http.connections import Connections
from lading.server.http.spelling import render_lines


class Refusal(Exception):
    """A rule that the request breaks."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    def render(self, connections: Connections, *, head: bool) -> bytes:
        """The answer as it goes over the wire, to a HEAD or to another request."""
        code = "TOOMANYREQUESTS" if self.status == HTTPStatus.TOO_MANY_REQUESTS else "UNSUPPORTED"
        error = {"code": code, "message": self.message, "detail": {}}
        body = json.dumps({"errors": [error]}).encode()
        headers = {
            **connections.headers,
            "Content-Type": JSON,
            "Content-Length": str(len(body)),
            "Connection": "close",
        }
        status = b"HTTP/1.1 %d %b\r\n" % (self.status, self.status.phrase.encode())
        lines = (status, connections.date, render_lines(headers), b"\r\n", b"" if head else body)
        return b"".join(lines)


NOT_HTTP = Refusal(HTTPStatus.BAD_REQUEST, "this is not a valid HTTP request")
NOT_HTTPS = Refusal(
    HTTPStatus.BAD_REQUEST, "an HTTP request came to an HTTPS port; use an address with https://"
)
NOT_TLS = Refusal(
    HTTPStatus.BAD_REQUEST, "TLS came to an HTTP port; this registry is reached by http:// here"
)
NO_PROXY_PROTOCOL = Refusal(
    HTTPStatus.BAD_REQUEST, "the PROXY protocol is not spoken here; switch it off in the proxy"
)
TOO_MANY_CONNECTIONS = Refusal(
    HTTPStatus.TOO_MANY_REQUESTS,
    "too many connections from your address; use those that are open, or close some",
)


def too_far_ahead() -> Refusal:
    """The refusal of what came before its turn, when there is no memory for it."""
    return Refusal(
        HTTPStatus.TOO_MANY_REQUESTS, "too much was sent ahead of its turn; wait for the answers"
    )

"""The answer to what cannot be read as a request: the protocol's JSON error, and the end."""

import json
from http import HTTPStatus

from lading.api.response import ALWAYS

_ALWAYS = "".join(f"{name.lower()}: {value}\r\n" for name, value in ALWAYS.items())


class Refusal(Exception):
    """A rule that the request breaks."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    def render(self, *, head: bool) -> bytes:
        """As it goes over the wire, in answer to a HEAD or to another request."""
        code = "TOOMANYREQUESTS" if self.status == HTTPStatus.TOO_MANY_REQUESTS else "UNSUPPORTED"
        error = {"code": code, "message": self.message, "detail": {}}
        body = json.dumps({"errors": [error]})
        lines = (
            f"HTTP/1.1 {self.status.value} {self.status.phrase}\r\n"
            f"{_ALWAYS}"
            "content-type: application/json\r\n"
            f"content-length: {len(body)}\r\n"
            "connection: close\r\n\r\n"
        )
        return (lines if head else lines + body).encode()


NOT_HTTP = Refusal(HTTPStatus.BAD_REQUEST, "this is not a valid HTTP request")

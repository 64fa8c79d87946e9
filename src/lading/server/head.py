"""The head of a request while it arrives: what a stranger may make the program keep, or believe."""

from http import HTTPStatus

import httptools

from lading.server.bounds import MAX_FIELDS, MAX_URL
from lading.server.refusal import Refusal

_FRAMING = frozenset({b"content-length", b"transfer-encoding"})


class Head:
    """The request line and the headers.

    It is closed when it is complete. What comes behind a body as a trailer is no part of it: "a
    recipient MUST NOT merge a received trailer field into the header section" unless it knows that
    the field allows that (RFC 9110, 6.5.1), and none that is read here does.

    Attributes:
        in_pieces: whether some of it came before the rest.
        headers: by lower-case name, in their order.
        framing: the header that tells where the body ends, if it has one (RFC 9112, 6.3).
        waits: whether the client waits to be told to send the body (RFC 9110, 10.1.1).
    """

    in_pieces = False

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.framing: tuple[bytes, bytes] | None = None
        self.waits = False
        self._url = b""
        self._hosts = 0

    def add_url(self, part: bytes) -> None:
        """Take a part of the request line's target.

        Raises:
            Refusal: it is too long.
        """
        self._url += part
        if len(self._url) > MAX_URL:
            raise Refusal(
                HTTPStatus.REQUEST_URI_TOO_LONG, f"the URL may have at most {MAX_URL} bytes"
            )

    def add_header(self, name: bytes, value: bytes) -> None:
        """Take a complete header.

        Raises:
            Refusal: it is one too many.
        """
        if len(self.headers) >= MAX_FIELDS:
            raise Refusal(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                f"a request may have at most {MAX_FIELDS} header lines",
            )
        name = name.lower()
        self.headers.append((name, value))
        if name == b"host":
            self._hosts += 1
        elif name in _FRAMING:
            self.framing = name, value
        elif name == b"expect":
            self.waits = value.lower() == b"100-continue"

    @property
    def size(self) -> int:
        """Bytes of all headers, each on a line of its own."""
        return sum(line_size(name, value) for name, value in self.headers)

    def require_one_host(self, version: str) -> None:
        """Refuse a request that leaves open whom it is for.

        "A server MUST respond with a 400 … to any HTTP/1.1 request message that lacks a Host header
        field and to any … that contains more than one" (RFC 9112, 3.2).

        Raises:
            Refusal: it names none, or several.
        """
        if self._hosts > 1 or (self._hosts == 0 and version == "1.1"):
            raise Refusal(HTTPStatus.BAD_REQUEST, "the request must have one Host header")

    def target(self) -> tuple[bytes, bytes]:
        """The path and the query (RFC 9112, 3.2).

        Raises:
            httptools.HttpParserError: it has none.
        """
        if self._url.startswith(b"/") and b"#" not in self._url:
            path, _, query = self._url.partition(b"?")
            return path, query
        parsed = httptools.parse_url(self._url)
        return parsed.path or b"", parsed.query or b""

    def body_size(self) -> int | None:
        """Bytes of the body; `None` if the client does not say."""
        match self.framing:
            case (b"content-length", value):
                return int(value)
            case None:
                return 0
            case _:
                return None


def line_size(name: bytes, value: bytes) -> int:
    """Bytes of a header or trailer on the wire, with the colon, a space and the end of the line."""
    return len(name) + len(value) + 4

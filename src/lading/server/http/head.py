"""The head of a request while it arrives: what a stranger may make the program keep, or believe."""

import re
from http import HTTPStatus

from lading.server.http.bounds import MAX_FIELDS, MAX_URL
from lading.server.http.refusal import Refusal

_VERSIONS = frozenset({"1.0", "1.1"})
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})
_LOOKED_AT = _FRAMING | {b"host", b"expect"}
# "absolute-form" (RFC 9112, 3.2.2), in which only proxies are asked, usually: the authority, the
# path, the query. A user in it is "an error" (RFC 9110, 4.2.4).
_ABSOLUTE = re.compile(rb"(?i:https?)://([^/?#@]+)(/[^?#]*)?(?:\?([^#]*))?")


# A name or an address, and a port (RFC 3986, 3.2.2); what else a host may be named with, as Go's
# server takes it. It may be empty.
_HOST = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=:%\[\]-]*")


class Head:
    """The request line and the headers.

    It is closed when it is complete. What comes behind a body as a trailer is no part of it: "A
    recipient MUST NOT merge a received trailer field into the header section" unless the definition
    of the field permits that (RFC 9112, 7.1.2), and none that is read here does.

    Attributes:
        in_pieces: whether some of it came before the rest.
        headers: by lower-case name, in their order.
        framing: the header that tells where the body ends, if it has one (RFC 9112, 6.3).
    """

    in_pieces = False

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.framing: tuple[bytes, bytes] | None = None
        self._url = b""
        self._url_before = 0
        self._hosts = 0
        self._expects_continue = False

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
        # "optional whitespace … is excluded" (RFC 9112, 5.1); the parser leaves out the first one.
        name, value = name.lower(), value.rstrip()
        self.headers.append((name, value))
        if name in _LOOKED_AT:
            self._look_at(name, value)

    def _look_at(self, name: bytes, value: bytes) -> None:
        if name == b"host":
            self._hosts += 1
            _require_host(value)
        elif name in _FRAMING:
            # The parser refuses any two of them but codings, of which the last one is `chunked`.
            before = b"" if self.framing is None else self.framing[1] + b","
            self.framing = name, before + value
        else:
            # A list (RFC 9110, 10.1.1); of what else may be expected nothing is known.
            expected = [each.strip() for each in value.lower().split(b",")]
            self._expects_continue |= b"100-continue" in expected

    @property
    def size(self) -> int:
        """Bytes of all headers, each on a line of its own."""
        return sum(line_size(name, value) for name, value in self.headers)

    def newly_read_url(self) -> int:
        """Bytes of the URL that have come since it was asked for the last time."""
        before, self._url_before = self._url_before, len(self._url)
        return self._url_before - before

    @property
    def has_target(self) -> bool:
        """Whether it is known by which method what is asked for."""
        return bool(self._url)

    def require_answerable(self, version: str) -> None:
        """Refuse a request that is not meant as it would be understood here.

        Raises:
            Refusal: it is of another version, names no host or several, or its body is in no form
                that is read here.
        """
        if version not in _VERSIONS:
            raise Refusal(
                HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "only HTTP/1.0 and HTTP/1.1 are spoken here"
            )
        # "A server MUST respond with a 400 … to any HTTP/1.1 request message that lacks a Host
        # header field and to any … that contains more than one" (RFC 9112, 3.2).
        if self._hosts > 1 or (self._hosts == 0 and version == "1.1"):
            raise Refusal(HTTPStatus.BAD_REQUEST, "the request must have one Host header")
        if self.framing is not None and self.framing[0] == b"transfer-encoding":
            _require_chunked(self.framing[1], version)

    def waits(self, version: str) -> bool:
        """Whether the client waits to be told to send the body (RFC 9110, 10.1.1).

        "A server that receives a 100-continue expectation in an HTTP/1.0 request MUST ignore that
        expectation", and it "MAY omit sending" what nothing would follow on.
        """
        return self._expects_continue and version == "1.1" and self.framing is not None

    def target(self) -> tuple[bytes, bytes]:
        """The path and the query (RFC 9112, 3.2).

        Raises:
            Refusal: it has none, or one that no two readers would understand in the same way.
        """
        url = self._url
        # Looked for by `find`: `in` asks first whether the bytes are a number.
        if (url.startswith(b"/") and url.find(b"#") < 0) or url == b"*":
            path, _, query = url.partition(b"?")
            return path, query
        absolute = _ABSOLUTE.fullmatch(url)
        if absolute is None:
            raise Refusal(HTTPStatus.BAD_REQUEST, "ask for a path that begins with /")
        # "the origin server MUST ignore the received Host header field (if any) and instead replace
        # it with the host information of the request-target" (RFC 9112, 3.2.2).
        _require_host(absolute[1])
        host = (b"host", absolute[1])
        self.headers = [host, *(header for header in self.headers if header[0] != b"host")]
        return absolute[2] or b"/", absolute[3] or b""

    def body_size(self) -> int | None:
        """Bytes of the body; `None` if the client does not say."""
        match self.framing:
            case (b"content-length", value):
                return int(value)
            case None:
                return 0
            case _:
                return None


def _require_host(value: bytes) -> None:
    """Refuse what is no host.

    "A server MUST respond with a 400 … to any request message that contains … a Host header field
    with an invalid field value" (RFC 9112, 3.2).
    """
    if _HOST.fullmatch(value) is None:
        raise Refusal(HTTPStatus.BAD_REQUEST, "the Host header must be a host, and perhaps a port")


def _require_chunked(codings: bytes, version: str) -> None:
    """Refuse a body in any other coding than chunks."""
    if version == "1.0":  # "MUST treat the message as if the framing is faulty" (RFC 9112, 6.1)
        raise Refusal(HTTPStatus.BAD_REQUEST, "HTTP/1.0 has no Transfer-Encoding")
    names = [name for part in codings.lower().split(b",") if (name := part.strip())]
    if names[-1:] != [b"chunked"]:  # "MUST respond with the 400 … status code" (RFC 9112, 6.3)
        raise Refusal(HTTPStatus.BAD_REQUEST, "the last Transfer-Encoding must be chunked")
    if len(names) > 1:
        # "A server that receives a request message with a transfer coding it does not understand
        # SHOULD respond with 501" (RFC 9112, 6.1).
        raise Refusal(HTTPStatus.NOT_IMPLEMENTED, "the only Transfer-Encoding here is chunked")


def line_size(name: bytes, value: bytes) -> int:
    """Bytes of a header or trailer on the wire, with the colon, a space and the end of the line."""
    return len(name) + len(value) + 4

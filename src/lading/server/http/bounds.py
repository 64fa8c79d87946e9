"""What may come by a connection: how much of it, in each state that reading it can be in.

    state                        what comes                    at most
    ───────────────────────────  ────────────────────────────  ──────────────────────────────────
    between two requests         blank lines                   `MAX_BLANK`
    request line                 method, target, version       `MAX_URL`; the rest as headers
    headers                      lines                         `limits.headers`, `MAX_FIELDS` lines
    body of an announced length  content                       what was announced
    chunked body                 content                       what the application takes
                                 sizes, extensions             `MAX_FRAMING` beside the content
    trailers                     lines                         the same; none of them is kept
    after an offer to upgrade    a body, or the next request   as above: the offer is declined
    after the last request       anything                      it is not looked at
    after the last response      anything                      the same, for `LINGER` seconds

A state that waits for more ends by one of the times of `deadlines.py`. The application takes a
body at its own pace: more than a piece of it is not read before (`exchange.py`, `body.py`).

The parser tells of a line, or a chunk, when it is complete, and keeps a line until then. So bytes
are counted as they come, before they are parsed, and those that led somewhere are taken off again.
"""

from http import HTTPStatus

from lading.server.http.refusal import Refusal

# nginx's `large_client_header_buffers` allows a line of 8 KiB; 100 tags of 128 bytes need 13.
MAX_URL = 16 * 1024
# Envoy, Apache and Tomcat let 100 lines pass, and each proxy on the way adds some of its own.
MAX_FIELDS = 128
# Of which "a server … SHOULD ignore at least one" (RFC 9112, 2.2).
MAX_BLANK = 64
# "A server ought to limit the total length of chunk extensions received in a request to an
# amount reasonable for the services provided" (RFC 9112, 7.1.1).
MAX_FRAMING = 4 * 1024
# Bytes that may frame a piece of content however small it is, and bytes for each byte of it: as
# Go's server has it.
_FRAME = 16
_FRAMES = 2


class Bounds:
    """Counts what comes by one connection; what refuses something raises a `Refusal`.

    Args:
        max_head: bytes that all headers of a request may have, as they are on the wire.

    Attributes:
        count: bytes that came since the last request, or the last head, was complete; without what
            is known to be of the URL, or content, or what usually frames that.
    """

    def __init__(self, max_head: int) -> None:
        self.count = 0
        self._max_head = max_head
        self._trailers = 0

    @property
    def allowance(self) -> int:
        """Bytes that may come before it is looked whether they led somewhere."""
        return self._max_head - self.count

    def begin_body(self) -> None:
        """The head is complete. What came behind it at the same time does not count."""
        self.count = self._trailers = 0

    def take_url(self, size: int) -> None:
        """Count bytes of the URL."""
        self.count = max(0, self.count - size)

    def take_content(self, size: int) -> None:
        """Count bytes of a body, apart from those that frame it."""
        self.count = max(0, self.count - size * (1 + _FRAMES) - _FRAME)

    def take_trailer(self, size: int) -> None:
        """Count bytes of a trailer, and refuse one that is one too many."""
        self._trailers += size
        if self._trailers > MAX_FRAMING:
            raise _too_much_framing()

    def require_few_blank(self) -> None:
        """Refuse too many blank lines, if there is nothing else."""
        if self.count > MAX_BLANK:
            raise Refusal(HTTPStatus.BAD_REQUEST, "a request begins with its request line")

    def require_allowance(self) -> None:
        """Refuse a head that is not complete, and has as many bytes as it may have."""
        self.require_small_head(self.count + 1)

    def require_small_head(self, size: int) -> None:
        """Refuse a head of so many bytes, if these are too many."""
        if size > self._max_head:
            raise Refusal(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                f"the headers may have at most {self._max_head} bytes",
            )

    def require_little_framing(self) -> None:
        """Refuse a body that has much beside its content."""
        if self.count > MAX_FRAMING:
            raise _too_much_framing()


def _too_much_framing() -> Refusal:
    return Refusal(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        f"trailers, or the extensions of chunks, may have at most {MAX_FRAMING} bytes",
    )

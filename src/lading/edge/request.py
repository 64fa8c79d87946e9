"""A request, read as far as its headers, and the conditions that it makes (RFC 9110, section 13).

The entity tag of content is its digest.
"""

import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from http import HTTPStatus
from urllib.parse import parse_qsl

from lading.core.access import Access
from lading.core.digest import Digest
from lading.core.errors import SizeMismatch
from lading.core.expected import Expected, require_expected
from lading.edge.asgi import ARRIVED, Message, Receive, Scope

# Digits of a length; Python refuses to read some thousand.
_DIGITS = 19
# Next to it in the order of bytes, and in no name either.
_UNREADABLE = "%01"


class Request:
    """A request, and what was found out about it.

    Attributes:
        method: in upper case.
        path: percent-decoded; it is only ever matched against grammars, never used as a path.
        id: by which its answer, log lines and changes are found; empty until it is known.
        address: of the client, as far as the proxies in between are trusted; empty if not known.
        claimed: the name that it came with a password for, be it right or wrong.
        caller: the name of who it turned out to be from; empty if that is not known.
        access: what its caller may do, where an answer to a refusal depends on that, too.
        read_only: whether nothing is changed now, where an answer shows that.
        noted: more of what it is about, for the audit log.
        arrived: by when it had, see `lading.edge.asgi.ARRIVED`.
        received: bytes of its body that were asked for.
        headers: by lower-case name; the values of one that is repeated are joined (RFC 9110, 5.3).
    """

    access: Access | None = None  # few set these: they cost the others nothing
    read_only = False

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self._receive = receive
        self.scope = scope
        self.id = ""
        self.address = ""
        self.claimed = ""
        self.caller = ""
        self.noted: dict[str, str] = {}
        self.received = 0
        self.arrived: float = scope.get(ARRIVED) or time.monotonic()
        # Each request's are asked for: a cached property would take its lock for that.
        self.headers: Mapping[str, str] = _by_name(scope["headers"])

    async def receive(self) -> Message:
        """More of the request, as ASGI's `receive` gives it."""
        message = await self._receive()
        self.received += len(message.get("body", b""))
        return message

    @property
    def peer(self) -> str:
        """The address of the other end of the connection; empty for a Unix socket."""
        client = self.scope.get("client")
        return client[0] if client else ""

    @cached_property
    def parameters(self) -> Mapping[str, list[str]]:
        """Query parameters, each with all its values.

        NUL stands there as what cannot be read: no name has it, and to some databases and programs
        it is the end of a text.
        """
        return _parameters(self.scope["query_string"])

    def parameter(self, name: str) -> str | None:
        """The first value of a query parameter; an empty one is as good as none (`?n=&last=`)."""
        values = self.parameters.get(name)
        return (values[0] or None) if values else None

    def parameter_with_pluses(self, name: str) -> str | None:
        """As `parameter`, but a plus is one, and no space, if the client has encoded nothing.

        Slashes tell: who writes a space as a plus encodes them.
        """
        value = self.parameter(name)
        if value is None or " " not in value:
            return value
        query: bytes = self.scope["query_string"]
        parts = [part.replace(b"+", b"%2B") if b"/" in part else part for part in query.split(b"&")]
        return _parameters(b"&".join(parts))[name][0]

    @property
    def content_length(self) -> int | None:
        """How many bytes the body has, if the client says.

        Raises:
            SizeMismatch: the header is not a number, or one that no body has.
        """
        value = self.headers.get("content-length")
        if value is None:
            return None
        if not (value.isascii() and value.isdigit() and len(value) <= _DIGITS):
            raise SizeMismatch("Content-Length is not a number")
        return int(value)


def _parameters(query: bytes) -> dict[str, list[str]]:
    text = query.decode("latin-1").replace("%00", _UNREADABLE)
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        found.setdefault(name, []).append(value)
    return found


def _by_name(raw: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def etag(digest: Digest) -> str:
    """The strong entity tag of content."""
    return f'"{digest}"'


def is_fresh(headers: Mapping[str, str], digest: Digest) -> bool:
    """Whether `If-None-Match` says that the client has the content already.

    Some clients send the digest without quotes, as CNCF Distribution accepts.
    """
    given = headers.get("if-none-match")
    if given is None:
        return False
    tags = {tag.strip().removeprefix("W/").strip('"') for tag in given.split(",")}
    return digest in tags or "*" in tags


def expected(headers: Mapping[str, str]) -> Expected | None:
    """What `If-Match` says must be there now; `None` if there is no such header.

    A weak tag matches nothing (RFC 9110, 13.1.1). Some clients send the digest without quotes.
    """
    given = headers.get("if-match")
    if given is None:
        return None
    return Expected(tag.strip().strip('"') for tag in given.split(","))


def require_match(headers: Mapping[str, str], reference: str, digest: Digest) -> None:
    """Go on only if `If-Match`, where a client sends it, is about the content that is there.

    Raises:
        NotAsExpected: it is about other content.
    """
    if "if-match" in headers:
        require_expected(expected(headers), reference, digest)


def creates_only(headers: Mapping[str, str]) -> bool:
    """Whether `If-None-Match: *` forbids a PUT to change what is there already.

    "to prevent an unsafe request method … from inadvertently modifying an existing representation
    of the target resource when the client believes that the resource does not have a current
    representation" (RFC 9110, 13.1.2).
    """
    return headers.get("if-none-match", "").strip() == "*"


def leaves_range(headers: Mapping[str, str], status: int) -> bool:
    """Whether somebody else can be left to obey `Range`, who will know nothing of this answer.

    What is not obeyed here is not to be obeyed there. Of several ranges, be they one part in the
    end, object stores send everything, and nginx does not bound them.
    """
    given = headers.get("range")
    return given is None or (status == HTTPStatus.PARTIAL_CONTENT and "," not in given)


def range_applies(headers: Mapping[str, str], digest: Digest) -> bool:
    """Whether `If-Range` lets `Range` count: the part is wanted only of this very content."""
    given = headers.get("if-range")
    return given is None or given.strip() == etag(digest)

"""Caller of a deployment: single requests, each bounded in time, with nothing tried again."""

import http.client
import socket
import ssl
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lading.client.answer_headers import Headers
from lading.client.connections import HostConnections
from lading.client.doctor.address import DeploymentAddress
from lading.client.doctor.encryption import wants_certificate
from lading.client.doctor.findings import NOT_COMPRESSED
from lading.client.errors import ClientError, NoAnswer
from lading.client.kept_connections import HostAnswer
from lading.client.options import SessionOptions
from lading.client.sending import COMMON_HEADERS
from lading.client.tokens import HostTokens, LoginFinder
from lading.client.wire import Content, connect, head_of
from lading.core.json_objects import object_in

# As large as registries take manifests (Distribution: 4 MiB).
_MOST_BODY = 4 * 1024 * 1024
_READ = 64 * 1024
_COMPRESSED = frozenset({"gzip", "x-gzip", "deflate"})
# Of either format, as its first bytes say (zlib, `inflateInit2`).
_ANY_FORMAT = 32 + zlib.MAX_WBITS

Body = bytes | Sequence[bytes]
"""What is sent: with its length, or in pieces without."""


@dataclass(frozen=True, slots=True)
class HeardAnswer:
    """An answer, as it came.

    Attributes:
        body: its beginning, as much of it as a manifest may have, or what came of it in time.
        is_whole: whether that is all of it.
        began, ended: when it was asked for and there, in seconds since the epoch.
    """

    status: int
    headers: Headers
    body: bytes
    is_whole: bool
    began: float
    ended: float

    def document(self) -> Mapping[str, Any]:
        """The object of JSON that the body is; empty if it is none."""
        return object_in(self.body)


class RequestsBounded(ClientError):
    """The answer that a deployment bounds requests: it is no other fault, and asked of all."""


class DeploymentCaller:
    """A caller of a deployment, with the login that its person has for it.

    Its address has a scheme; the options say how long each request may take.
    """

    def __init__(
        self,
        address: DeploymentAddress,
        find: LoginFinder,
        context: ssl.SSLContext,
        options: SessionOptions,
    ) -> None:
        self.address = address
        self.find = find
        self.seconds = options.read_seconds
        self._context = context
        # What clients see is looked at without a proxy of theirs.
        self._connections = HostConnections(options, lambda *_: "")
        self.close = self._connections.close
        self._tokens = HostTokens(
            *(address.netloc, find, self._open, lambda: address.scheme == "http"),
            seconds=self.seconds,
        )

    def bare(
        self, method: str, place: str, headers: Mapping[str, str] | None = None, body: Body = b""
    ) -> HeardAnswer:
        """Send a request to a path or an address, without a login; redirects are answers like any.

        Raises:
            OSError: there is no answer.
            ClientError: the address is none that can be asked.
        """
        began = time.time()
        deadline = time.monotonic() + self.seconds
        answer = self._open(method, self.address.join(place), headers or {}, body)
        ended = time.time()
        pieces, length, is_whole = [], 0, False
        try:
            while not is_whole and length <= _MOST_BODY and time.monotonic() < deadline:
                pieces.append(answer.read1(_READ))
                length += len(pieces[-1])
                is_whole = not pieces[-1]
        finally:
            answer.close()
        found = _decompressed(answer.headers.get("content-encoding"), b"".join(pieces))
        return HeardAnswer(answer.status, answer.headers, found, is_whole, began, ended)

    def ask(
        self,
        method: str,
        place: str,
        scopes: tuple[str, ...] = (),
        headers: Mapping[str, str] | None = None,
        body: Body = b"",
    ) -> HeardAnswer:
        """Send a request to the deployment, and again with a login if that is asked for.

        Raises:
            RequestsBounded: there is no answer but that; what was asked is not known.
            ClientError: the login cannot be had.
            OSError: there is no answer.
        """
        known = self._tokens.header(scopes)
        sent = dict(headers or {})
        answer = self.bare(method, place, sent | _login(known), body)
        if answer.status == http.client.UNAUTHORIZED:
            challenges = answer.headers.getlist("www-authenticate")
            found = self._tokens.answer(challenges, scopes, known)
            answer = self.bare(method, place, sent | _login(found), body) if found else answer
        if answer.status == http.client.TOO_MANY_REQUESTS:
            raise RequestsBounded(
                "429: too many requests come from here",
                advice="ask again later, or raise the bound",
            )
        return answer

    def wants_certificate(self) -> bool:
        """Whether the deployment takes no connection without a certificate of the client."""
        is_plain = self.address.scheme == "http"
        return not is_plain and wants_certificate(self.address, self._context, self.seconds)

    def send_head(
        self, url: str, scopes: tuple[str, ...], size: int, body: bytes = b"", wait: float = 0.0
    ) -> int:
        """Say that a part of an upload comes, send no more than its first bytes, and hang up.

        Args:
            url: of the upload, at the deployment.
            size: bytes that are announced.
            wait: seconds between the last byte and the end; if there is none to send, the time in
                which an answer is waited for.

        Returns:
            The status that was answered before anything was sent, 100 to go on; 0 for none.
        """
        parts = urlsplit(url)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        headers = {
            "Host": self.address.netloc,
            **COMMON_HEADERS,
            "Content-Type": "application/octet-stream",
            "Content-Length": str(size),
            **_login(self._tokens.header(scopes)),
            **({} if body else {"Expect": "100-continue"}),
        }
        address = self.address
        context = self._context if address.scheme == "https" else None
        with connect(address.host, address.usual_port, self.seconds, context) as connection:
            connection.sendall(head_of("PATCH", path, headers, None) + body)
            if body:
                time.sleep(wait)
                return 0
            connection.settimeout(wait)
            return _status(connection)

    def _open(
        self, method: str, url: str, headers: Mapping[str, str], body: Body | None
    ) -> HostAnswer:
        content: Content = body or None
        sent = {**COMMON_HEADERS, **headers}
        if not isinstance(body, bytes | None):
            content, sent["Transfer-Encoding"] = _chunks(body), "chunked"
        return self._connections.send(method, url, sent, content)


def _chunks(pieces: Sequence[bytes]) -> Iterator[bytes]:
    """Pieces as chunks (RFC 9112, 7.1)."""
    for piece in pieces:
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def _decompressed(coding: str, body: bytes) -> bytes:
    """A body, or its beginning, as most clients see what is compressed unasked, or `NoAnswer`."""
    if coding.strip().lower() not in _COMPRESSED:
        return body
    try:
        return zlib.decompressobj(_ANY_FORMAT).decompress(body, _MOST_BODY + 1)
    except zlib.error as error:
        raise NoAnswer(NOT_COMPRESSED) from error


def _login(header: str) -> dict[str, str]:
    return {"Authorization": header} if header else {}


def _status(connection: socket.socket) -> int:
    """The status of an answer that begins in time; 0 if none does."""
    try:
        words = connection.recv(_READ).split(maxsplit=2)
    except TimeoutError:
        return 0
    return int(words[1]) if len(words) > 1 and len(words[1]) == 3 and words[1].isdigit() else 0

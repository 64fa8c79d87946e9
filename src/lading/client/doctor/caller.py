"""Caller of a deployment: single requests, each bounded in time, with nothing tried again."""

import http.client
import socket
import ssl
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import urllib3

from lading import __version__
from lading.client.doctor.address import DeploymentAddress
from lading.client.doctor.encryption import wants_certificate
from lading.client.errors import ClientError
from lading.client.timed import POOLS
from lading.client.tokens import HostTokens, LoginFinder
from lading.core.json_objects import object_in

# As large as registries take manifests (Distribution: 4 MiB).
_MOST_BODY = 4 * 1024 * 1024
_READ = 64 * 1024

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
    headers: urllib3.HTTPHeaderDict
    body: bytes
    is_whole: bool
    began: float
    ended: float

    def header(self, name: str) -> str:
        """A header; empty if there is none."""
        return self.headers.get(name) or ""

    def document(self) -> Mapping[str, Any]:
        """The object of JSON that the body is; empty if it is none."""
        return object_in(self.body)


class RequestsBounded(ClientError):
    """The answer that a deployment bounds requests: it is no other fault, and asked of all."""


class DeploymentCaller:
    """A caller of a deployment, with the login that its person has for it.

    Args:
        address: with a scheme.
        find: gives the login for a repository.
        context: how TLS is spoken.
        seconds: how long each request may take.
    """

    def __init__(
        self,
        address: DeploymentAddress,
        find: LoginFinder,
        context: ssl.SSLContext,
        seconds: float,
    ) -> None:
        self.address = address
        self.find = find
        self.seconds = seconds
        self._context = context
        self._pool = urllib3.PoolManager(ssl_context=context)
        self._pool.pool_classes_by_scheme = POOLS
        self._tokens = HostTokens(
            *(address.netloc, find, self._open, lambda: address.scheme == "http"), seconds=seconds
        )

    def close(self) -> None:
        """End all connections."""
        self._pool.clear()

    def bare(
        self, method: str, place: str, headers: Mapping[str, str] | None = None, body: Body = b""
    ) -> HeardAnswer:
        """Send a request as it is, without a login; redirects are answers like any.

        Args:
            place: a path, or a whole address.

        Raises:
            HTTPError, OSError: there is no answer.
        """
        began = time.time()
        deadline = time.monotonic() + self.seconds
        url = self.address.join(place)
        sent = {"User-Agent": f"lading/{__version__}", "Accept-Encoding": "identity"}
        answer = self._open(method, url, sent | dict(headers or {}), body)
        ended = time.time()
        pieces, length, is_whole = [], 0, False
        try:
            while not is_whole and length <= _MOST_BODY and time.monotonic() < deadline:
                pieces.append(answer.read1(_READ))
                length += len(pieces[-1])
                is_whole = not pieces[-1]
            if not is_whole:
                answer.close()
        finally:
            answer.release_conn()
        kept = urllib3.HTTPHeaderDict(answer.headers)
        return HeardAnswer(answer.status, kept, b"".join(pieces), is_whole, began, ended)

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
            HTTPError, OSError: there is no answer.
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
        lines = [
            f"PATCH {path} HTTP/1.1",
            f"Host: {self.address.netloc}",
            f"User-Agent: lading/{__version__}",
            "Content-Type: application/octet-stream",
            f"Content-Length: {size}",
            *(f"{name}: {value}" for name, value in _login(self._tokens.header(scopes)).items()),
            *(() if body else ("Expect: 100-continue",)),
        ]
        with self._connect() as connection:
            connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
            if body:
                connection.sendall(body)
                time.sleep(wait)
                return 0
            connection.settimeout(wait)
            return _status(connection)

    def _connect(self) -> socket.socket:
        address = self.address
        connection = socket.create_connection((address.host, address.usual_port), self.seconds)
        if address.scheme == "http":
            return connection
        return self._context.wrap_socket(connection, server_hostname=address.host)

    def _open(
        self, method: str, url: str, headers: Mapping[str, str], body: Body | None
    ) -> urllib3.response.BaseHTTPResponse:
        with warnings.catch_warnings():
            # A finding says so already.
            warnings.simplefilter("ignore", urllib3.exceptions.InsecureRequestWarning)
            return self._pool.request(
                method,
                url,
                headers=headers,
                body=body or None,
                retries=False,
                redirect=False,
                preload_content=False,
                timeout=self.seconds,
            )


def _login(header: str) -> dict[str, str]:
    return {"Authorization": header} if header else {}


def _status(connection: socket.socket) -> int:
    """The status of an answer that begins in time; 0 if none does."""
    try:
        words = connection.recv(_READ).split(maxsplit=2)
    except TimeoutError:
        return 0
    return int(words[1]) if len(words) > 1 and len(words[1]) == 3 and words[1].isdigit() else 0

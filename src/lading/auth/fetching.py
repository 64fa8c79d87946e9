"""Sets of keys, fetched over HTTP within a time and a size, whatever the other end does.

A time limit of a socket is one for each read: who sends a byte now and then is never late. So what
is left of the time is what each read is given.
"""

import io
import socket
import time
import urllib.error
import urllib.request
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any

import msgspec

from lading.core.urls import is_protected
from lading.ports.logins import AuthUnusable
from lading.system.whole_heads import WholeHead

MAX_SIZE = 1024 * 1024
# Seconds to connect, and to agree on encryption; and for all of it together, once that is done.
CONNECTING = 5.0
TOTAL = 5.0


def fetch_of_issuer(issuer: str) -> bytes:
    """Get the key set of an issuer of OpenID Connect. Blocks.

    Its configuration says where that is (OpenID Connect Discovery 1.0, section 4).

    Raises:
        AuthUnusable: it cannot be had.
    """
    content = fetch(issuer.rstrip("/") + "/.well-known/openid-configuration")
    try:
        document = msgspec.json.decode(content, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AuthUnusable(f"its configuration is not JSON: {error}") from error
    # Section 4.3: "The issuer value returned MUST be identical to the Issuer URL".
    if document.get("issuer") != issuer:
        raise AuthUnusable("its configuration is that of another issuer")
    url = document.get("jwks_uri")
    if not isinstance(url, str) or not is_protected(url):
        raise AuthUnusable("its configuration names no `https://` URL of keys (`jwks_uri`)")
    return fetch(url)


def fetch(url: str) -> bytes:
    """Get a document, or its beginning and a byte more than it may have. Blocks.

    Raises:
        AuthUnusable: it cannot be had.
    """
    deadline = time.monotonic() + TOTAL
    opener = urllib.request.build_opener(_NoRedirect, _Http(deadline), _Https(deadline))
    try:
        with opener.open(url, timeout=CONNECTING) as response:
            content: bytes = response.read(MAX_SIZE + 1)
    except (OSError, ValueError, HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # it is an answer as well
        reason = getattr(error, "reason", None) or error
        raise AuthUnusable(f"cannot be had: {reason}") from error
    return content


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A handler of redirects that follows none: documents come from where the operator said."""

    def redirect_request(self, *_: object) -> None:
        return


class _Answer(io.RawIOBase):
    """A socket, read until the deadline."""

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        super().__init__()
        self._socket = connected
        # Which keeps the socket open when urllib lets go of it.
        self._bytes = connected.makefile("rb", buffering=0)
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"no whole answer within {TOTAL:.0f} seconds")
        self._socket.settimeout(left)
        return self._bytes.readinto(buffer)

    def close(self) -> None:
        self._bytes.close()
        super().close()


class _Response(WholeHead):
    """A response that is read until the deadline."""

    def __init__(self, sock: socket.socket, *args: Any, deadline: float, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        answer = _Answer(sock, deadline)
        self.fp.close()
        self.fp = io.BufferedReader(answer)


class _InTime(urllib.request.AbstractHTTPHandler):
    """A handler of requests whose responses are read until the deadline."""

    def __init__(self, deadline: float) -> None:
        super().__init__()
        self._deadline = deadline

    def do_open(self, http_class: Any, req: urllib.request.Request, **words: Any) -> HTTPResponse:
        def connect(*args: Any, **kwargs: Any) -> HTTPConnection:
            made: HTTPConnection = http_class(*args, **kwargs)
            made.response_class = partial(_Response, deadline=self._deadline)  # type: ignore[assignment]
            return made

        return super().do_open(connect, req, **words)


class _Http(_InTime, urllib.request.HTTPHandler):
    pass


class _Https(_InTime, urllib.request.HTTPSHandler):
    pass

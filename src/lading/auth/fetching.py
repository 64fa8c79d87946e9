"""Sets of keys, fetched over HTTP within a time and a size, whatever the other end does.

A time limit of a socket is one for each read: who sends a byte now and then is never late. So all
reads together have one, too.
"""

import os
import time
from http import HTTPStatus

import msgspec

from lading.core.urls import is_protected
from lading.ports.logins import AuthUnusable
from lading.system.proxies import proxy_for

MAX_SIZE = 1024 * 1024
# Seconds for each step of a connection, and from its beginning to the last byte but one.
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

    No redirect is followed: documents come from where the operator said.

    Raises:
        AuthUnusable: it cannot be had.
    """
    from lading.client.kept_connections import asked_once  # noqa: PLC0415 - few fetch any

    until = time.monotonic() + TOTAL
    content = b""
    try:
        proxy = proxy_for(url, os.environ)
        with asked_once("GET", url, {}, seconds=TOTAL, proxy=proxy) as answer:
            if answer.status != HTTPStatus.OK:
                raise AuthUnusable(f"cannot be had: it is answered with {answer.status}")
            while len(content) <= MAX_SIZE and (piece := answer.read1(MAX_SIZE)):
                content += piece
                if time.monotonic() > until:
                    raise TimeoutError(f"no whole answer within {TOTAL:.0f} seconds")
    except (OSError, ValueError) as error:
        raise AuthUnusable(f"cannot be had: {error}") from error
    return content[: MAX_SIZE + 1]

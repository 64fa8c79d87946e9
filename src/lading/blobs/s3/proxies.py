"""Proxies on the way to the object store, for each client by which it is asked.

obstore and Python's own client each know a rule of theirs, so neither is left to its own.
"""

import http.client
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from lading.system.proxies import DEFAULT_PORTS, PROXY_VARIABLES, login_of, proxy_for, variable
from lading.system.whole_heads import WholeHead


def options_of(address: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """The options of obstore's client by which it asks a server as `proxy_for` says."""
    if proxy := proxy_for(address, environ):
        return {"proxy_url": proxy}
    if any(variable(environ, name) for name in PROXY_VARIABLES):  # which it would look at by itself
        host = urlsplit(address).hostname or ""
        return {"proxy_url": "http://nobody.invalid", "proxy_excludes": host}
    return {}


def connection_to(
    address: str, proxy: str, timeout: float, context: ssl.SSLContext | None
) -> http.client.HTTPConnection:
    """A connection to a server or its proxy, which speaks HTTP; over TLS if there is a context."""
    url = urlsplit(address)
    port = url.port or DEFAULT_PORTS[url.scheme]
    if not proxy:
        return _open(url.hostname or "", port, timeout, context)
    by = urlsplit(proxy)
    if by.scheme != "http":
        raise OSError(f"a proxy of {by.scheme} cannot be used to list unfinished parts")
    connection = _open(by.hostname or "", by.port or 80, timeout, context)
    if context is not None:
        connection.set_tunnel(url.hostname or "", port, login_of(proxy))
    return connection


def _open(
    host: str, port: int, timeout: float, context: ssl.SSLContext | None
) -> http.client.HTTPConnection:
    connection = (
        http.client.HTTPConnection(host, port, timeout=timeout)
        if context is None
        else http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
    )
    connection.response_class = WholeHead
    return connection

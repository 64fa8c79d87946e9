"""Proxies on the way to the object store: one rule, whichever client makes the request.

`HTTPS_PROXY` or `HTTP_PROXY` by how the server is reached, else `ALL_PROXY`, unless `NO_PROXY` has
its name, a domain that it is in, its address or a network of that, or `*`. Names in lower case come
first. obstore and Python's own client each know another such rule, so neither is left to its own.
"""

import base64
import http.client
import ssl
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

_NAMES = ("http_proxy", "https_proxy", "all_proxy")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def proxy_for(address: str, environ: Mapping[str, str]) -> str:
    """The URL of the proxy by which a server is asked; empty if it is asked itself."""
    url = urlsplit(address)
    proxy = _variable(environ, f"{url.scheme}_proxy") or _variable(environ, "all_proxy")
    if not proxy or _is_excluded(url, _variable(environ, "no_proxy")):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def options_of(address: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """The options of obstore's client by which it asks a server as `proxy_for` says."""
    if proxy := proxy_for(address, environ):
        return {"proxy_url": proxy}
    if any(_variable(environ, name) for name in _NAMES):  # which it would look at by itself
        host = urlsplit(address).hostname or ""
        return {"proxy_url": "http://nobody.invalid", "proxy_excludes": host}
    return {}


def connection_to(
    address: str, proxy: str, timeout: float, context: ssl.SSLContext | None
) -> http.client.HTTPConnection:
    """A connection to a server, or to its proxy, over TLS if there is a context for that.

    Raises:
        OSError: the proxy is of another kind than HTTP.
    """
    url = urlsplit(address)
    port = url.port or _DEFAULT_PORTS[url.scheme]
    if not proxy:
        return _open(url.hostname or "", port, timeout, context)
    by = urlsplit(proxy)
    if by.scheme != "http":
        raise OSError(f"a proxy of {by.scheme} cannot be used to list unfinished parts")
    connection = _open(by.hostname or "", by.port or 80, timeout, context)
    if context is not None:
        connection.set_tunnel(url.hostname or "", port, login_of(proxy))
    return connection


def login_of(proxy: str) -> dict[str, str]:
    """The headers by which a proxy knows who asks."""
    url = urlsplit(proxy)
    if url.username is None:
        return {}
    login = f"{unquote(url.username)}:{unquote(url.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}


def _open(
    host: str, port: int, timeout: float, context: ssl.SSLContext | None
) -> http.client.HTTPConnection:
    if context is None:
        return http.client.HTTPConnection(host, port, timeout=timeout)
    return http.client.HTTPSConnection(host, port, timeout=timeout, context=context)


def _variable(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name) or environ.get(name.upper()) or ""


def _is_excluded(url: SplitResult, excluded: str) -> bool:
    """Whether a list of names, domains, addresses and networks has a server."""
    host, port = url.hostname or "", url.port or _DEFAULT_PORTS.get(url.scheme)
    for each in excluded.lower().split(","):
        name, _, its_port = each.strip().partition(":")
        if its_port.isdigit():
            if int(its_port) != port:
                continue
        else:  # an address of IPv6 has colons, too
            name = each.strip().strip("[]")
        domain = name.removeprefix("*").lstrip(".")
        if name == "*" or (domain and f".{host}".endswith(f".{domain}")) or _is_in(host, name):
            return True
    return False


def _is_in(host: str, network: str) -> bool:
    try:
        return ip_address(host) in ip_network(network, strict=False)
    except ValueError:
        return False

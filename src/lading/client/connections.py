"""Connections to hosts: kept, by TLS as people's folders say it, through proxies that are named."""

import os
import threading
from collections.abc import Callable, Mapping
from urllib.parse import SplitResult, urlsplit

from lading.client.errors import ClientError, bare
from lading.client.kept_connections import HostAnswer, OriginConnections
from lading.client.options import SessionOptions
from lading.client.references import is_local
from lading.client.wire import Content
from lading.system import proxies


def proxy_for(scheme: str, host: str) -> str:
    """The address of the proxy for a `host:port`; empty if there is none, as for this machine.

    Raises:
        ClientError: what is named is no proxy that can be asked.
    """
    proxy = "" if is_local(host) else proxies.proxy_for(f"{scheme}://{host}", os.environ)
    if not proxy or _is_of_http(proxy):
        return proxy
    # Without all that may be of a login, as a password with a `/` is what makes it none.
    raise ClientError(
        f"the proxy at {proxy.rpartition('@')[2]!r} is none that can be asked",
        advice="set HTTPS_PROXY and HTTP_PROXY to http://HOST:PORT, a login in it written as in an"
        " address (%2F for /), or the host in NO_PROXY",
    )


class HostConnections:
    """Connections of one session, to its host and to those that it sends clients to.

    Args:
        find_proxy: gives the address of the proxy for a scheme and a host; empty if there is none.
    """

    def __init__(
        self, options: SessionOptions, find_proxy: Callable[[str, str], str] = proxy_for
    ) -> None:
        self._options = options
        self._find_proxy = find_proxy
        self._lock = threading.Lock()
        self._ways: dict[str, OriginConnections] = {}
        self._answered: set[str] = set()

    def send(self, method: str, url: str, headers: Mapping[str, str], body: Content) -> HostAnswer:
        """Send one request; its body not read yet, and as it comes: nothing is decompressed.

        Raises:
            ClientError: the address is no one of HTTP.
            OSError: there is no answer.
        """
        origin = _origin(url)
        answer = self._way(origin, url).send(method, url, headers, body)
        self._answered.add(origin)
        return answer

    def has_answered(self, url: str) -> bool:
        """Whether there has been an answer of the host of an address so far."""
        return _origin(url) in self._answered

    def close(self) -> None:
        """End all connections."""
        with self._lock:
            for way in self._ways.values():
                way.close()
            self._ways.clear()

    def _way(self, origin: str, url: str) -> OriginConnections:
        way = self._ways.get(origin)
        if way is None:
            if not _is_of_http(url):
                raise ClientError(
                    f"{bare(url)!r} is no address that a registry may send clients to"
                )
            with self._lock:
                way = self._ways.get(origin) or self._new_way(urlsplit(url))
                self._ways[origin] = way
        return way

    def _new_way(self, parts: SplitResult) -> OriginConnections:
        options = self._options
        host = parts.netloc.rpartition("@")[2]

        context = None
        if parts.scheme == "https":
            from lading.client.certificates import tls_context  # noqa: PLC0415 - not without TLS

            context = tls_context(host, insecure=options.insecure, authorities=options.authorities)
        return OriginConnections(parts, options, context, self._find_proxy(parts.scheme, host))


def _origin(url: str) -> str:
    """The scheme and the host of an address, as they are written there."""
    end = url.find("/", len("https://"))
    return url if end < 0 else url[:end]


def _is_of_http(url: str) -> bool:
    """Whether it is an address that can be asked."""
    try:
        parts = urlsplit(url)
        return parts.scheme in proxies.DEFAULT_PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False

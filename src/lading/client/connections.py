"""Connections to hosts: kept, by TLS as people's folders say it, through proxies that are named."""

import threading
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import SplitResult, urlsplit

from lading.client.answers import HostAnswer
from lading.client.direct import PORTS, DirectConnections
from lading.client.errors import ClientError, bare
from lading.client.options import SessionOptions
from lading.client.proxies import proxy_for

if TYPE_CHECKING:
    import ssl


class _Way(Protocol):
    """A way to a host: connections to it, or to the proxy before it."""

    @property
    def close(self) -> Callable[[], None]:
        """What ends all of them."""

    def send(self, method: str, url: str, headers: Mapping[str, str], body: Any) -> HostAnswer:
        """Send one request."""


class HostConnections:
    """Connections of one session, to its host and to those that it sends clients to."""

    def __init__(self, options: SessionOptions) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._ways: dict[str, _Way] = {}
        self._answered: set[str] = set()

    def send(self, method: str, url: str, headers: Mapping[str, str], body: Any) -> HostAnswer:
        """Send one request; its body not read yet, and as it comes: nothing is decompressed.

        Raises:
            ClientError: the address is no one of HTTP.
            HTTPError, OSError: there is no answer.
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

    def _way(self, origin: str, url: str) -> _Way:
        way = self._ways.get(origin)
        if way is None:
            parts = _checked(url)
            with self._lock:
                way = self._ways.get(origin) or self._new_way(parts)
                self._ways[origin] = way
        return way

    def _new_way(self, parts: SplitResult) -> _Way:
        options = self._options
        host = parts.netloc.rpartition("@")[2]

        @cache
        def context() -> "ssl.SSLContext":
            from lading.client.certificates import tls_context  # noqa: PLC0415 - not without TLS

            return tls_context(host, insecure=options.insecure, authorities=options.authorities)

        if parts.scheme == "https":
            context()  # or what is wrong with it would be told of a request, as one that may pass
        proxy = proxy_for(parts.scheme, host)
        if not proxy:
            return DirectConnections(parts, options, context)
        from lading.client.pooled import through_proxy  # noqa: PLC0415 - few need it

        return through_proxy(proxy, parts, options, context)


def _origin(url: str) -> str:
    """The scheme and the host of an address, as they are written there."""
    end = url.find("/", len("https://"))
    return url if end < 0 else url[:end]


def _checked(url: str) -> SplitResult:
    """The parts of an address of HTTP; a `ClientError` if it is none."""
    try:
        parts = urlsplit(url)
        if parts.scheme in PORTS and parts.hostname and parts.port != 0:
            return parts
    except ValueError:
        pass
    raise ClientError(f"{bare(url)!r} is no address that a registry may send clients to")

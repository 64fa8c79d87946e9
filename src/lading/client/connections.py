"""Connections to hosts: kept, by TLS as people's folders say it, through proxies that are named."""

import threading
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import SplitResult, urlsplit

from lading.client.answers import HostAnswer
from lading.client.direct import PORTS, ContextMaker, DirectConnections
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
            return _DirectWay(parts, options, context)
        from lading.client.pooled import through_proxy  # noqa: PLC0415 - few need it

        return through_proxy(proxy, parts, options, context)


class _DirectWay:
    """A way to a host without a proxy; by urllib3 for what has a body."""

    def __init__(self, parts: SplitResult, options: SessionOptions, context: ContextMaker) -> None:
        self._direct = DirectConnections(parts, options, context)
        self._made = parts, options, context
        self._lock = threading.Lock()
        self._pool: _Way | None = None

    def send(self, method: str, url: str, headers: Mapping[str, str], body: Any) -> HostAnswer:
        if body is None and method in {"GET", "HEAD", "DELETE"}:
            return self._direct.ask(method, url, headers)
        return self._pooled().send(method, url, headers, body)

    def close(self) -> None:
        self._direct.close()
        if self._pool is not None:
            self._pool.close()

    def _pooled(self) -> _Way:
        with self._lock:
            if self._pool is None:
                from lading.client.pooled import to_host  # noqa: PLC0415 - not if nothing is sent

                self._pool = to_host(*self._made)
            return self._pool


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

"""Connections to hosts: kept, by TLS as people's folders say it, through proxies that are named."""

import threading
from collections.abc import Callable, Mapping
from urllib.parse import SplitResult, urlsplit

from lading.client.errors import ClientError, bare
from lading.client.kept_connections import HostAnswer, OriginConnections
from lading.client.options import SessionOptions
from lading.client.outgoing import Content
from lading.client.proxies import proxy_for
from lading.system.proxies import DEFAULT_PORTS


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
            parts = _checked(url)
            with self._lock:
                way = self._ways.get(origin) or self._new_way(parts)
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


def _checked(url: str) -> SplitResult:
    """The parts of an address of HTTP; a `ClientError` if it is none."""
    try:
        parts = urlsplit(url)
        if parts.scheme in DEFAULT_PORTS and parts.hostname and parts.port != 0:
            return parts
    except ValueError:
        pass
    raise ClientError(f"{bare(url)!r} is no address that a registry may send clients to")

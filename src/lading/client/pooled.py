"""Connections by urllib3, for all that goes through a proxy."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import SplitResult

import urllib3
from urllib3.exceptions import InsecureRequestWarning
from urllib3.util import Retry, Timeout

from lading.client.answers import HostAnswer
from lading.client.direct import ContextMaker
from lading.client.options import SessionOptions
from lading.client.timed import POOLS
from lading.system.proxies import login_of

# What fails is tried again by the session, not by urllib3.
_NEVER_AGAIN = Retry(total=False, redirect=False)


class PooledConnections:
    """Connections to the proxy before a host; for any number of threads.

    Args:
        open_url: sends a request, as urllib3 does.
        close: ends all connections.
    """

    def __init__(
        self, open_url: Callable[..., Any], close: Callable[[], None], options: SessionOptions
    ) -> None:
        self._open = open_url
        self.close = close
        self._timeout = Timeout(connect=options.connect_seconds, read=options.read_seconds)

    def send(self, method: str, url: str, headers: Mapping[str, str], body: Any) -> HostAnswer:
        """Send a request; its body as it comes: nothing is decompressed.

        Raises:
            HTTPError, OSError: there is no answer.
        """
        answer: HostAnswer = self._open(
            method,
            url,
            headers=headers,
            body=body,
            retries=_NEVER_AGAIN,
            redirect=False,
            preload_content=False,
            decode_content=False,
            timeout=self._timeout,
        )
        return answer


def through_proxy(
    proxy: str, parts: SplitResult, options: SessionOptions, context: ContextMaker
) -> PooledConnections:
    """Connections to a proxy, for a host behind it.

    Args:
        parts: of an address at the host.
        context: gives how TLS is spoken with it.
    """
    known = _known(parts, options, context)
    manager = urllib3.ProxyManager(proxy, proxy_headers=login_of(proxy), **known)
    manager.pool_classes_by_scheme = POOLS
    return PooledConnections(manager.urlopen, manager.clear, options)


def _known(parts: SplitResult, options: SessionOptions, context: ContextMaker) -> dict[str, Any]:
    known: dict[str, Any] = {"maxsize": options.at_once}
    if parts.scheme == "https":
        if options.insecure:
            urllib3.disable_warnings(InsecureRequestWarning)  # it was said, no need to warn
        known["ssl_context"] = context()
    return known

"""Connections to hosts: kept, by TLS as people's folders say it, through proxies that are named."""

import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

import urllib3
from urllib3.exceptions import InsecureRequestWarning
from urllib3.util import Retry, Timeout

from lading.client.answers import Answered
from lading.client.certificates import tls_context
from lading.client.errors import ClientError, bare
from lading.client.options import SessionOptions
from lading.client.proxies import proxy_for
from lading.client.timed import POOLS
from lading.system.proxies import login_of

_PORTS = {"http": 80, "https": 443}
_Sender = Callable[..., Answered]
# What fails is tried again by the session, not by urllib3.
_NEVER_AGAIN = Retry(total=False, redirect=False)


class HostConnections:
    """Connections of one session, to its host and to those that it sends clients to."""

    def __init__(self, options: SessionOptions) -> None:
        self._options = options
        self._timeout = Timeout(connect=options.connect_seconds, read=options.read_seconds)
        self._lock = threading.Lock()
        self._senders: dict[str, _Sender] = {}
        self._answered: set[str] = set()
        self._ends: list[Callable[[], None]] = []

    def send(self, method: str, url: str, headers: Mapping[str, str], body: Any) -> Answered:
        """Send one request; its body not read yet, and as it comes: nothing is decompressed.

        Raises:
            ClientError: the address is no one of HTTP.
            HTTPError, OSError: there is no answer.
        """
        origin = _origin(url)
        sender = self._sender(origin, url)
        answer = sender(
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
        self._answered.add(origin)
        return answer

    def has_answered(self, url: str) -> bool:
        """Whether there has been an answer of the host of an address so far."""
        return _origin(url) in self._answered

    def close(self) -> None:
        """End all connections."""
        with self._lock:
            for end in self._ends:
                end()
            self._ends.clear()
            self._senders.clear()

    def _sender(self, origin: str, url: str) -> _Sender:
        sender = self._senders.get(origin)
        if sender is None:
            parts = _checked(url)
            with self._lock:
                sender = self._senders.get(origin) or self._new_sender(parts)
                self._senders[origin] = sender
        return sender

    def _new_sender(self, parts: SplitResult) -> _Sender:
        options = self._options
        host = parts.netloc.rpartition("@")[2]
        known: dict[str, Any] = {"maxsize": options.at_once}
        if parts.scheme == "https":
            if options.insecure:
                urllib3.disable_warnings(InsecureRequestWarning)  # it was said, no need to warn
            known["ssl_context"] = tls_context(
                host, insecure=options.insecure, authorities=options.authorities
            )
        proxy = proxy_for(parts.scheme, host)
        if proxy:
            manager = urllib3.ProxyManager(proxy, proxy_headers=login_of(proxy), **known)
            manager.pool_classes_by_scheme = POOLS
            self._ends.append(manager.clear)
            return manager.urlopen
        # With a port, as without one a colon of IPv6 would be taken for what stands before it.
        port = parts.port or _PORTS[parts.scheme]
        pool = POOLS[parts.scheme](str(parts.hostname), port, **known)
        self._ends.append(pool.close)
        start = len(f"{parts.scheme}://{parts.netloc}")

        def send(method: str, url: str, **words: Any) -> Answered:
            answer: Answered = pool.urlopen(
                method, url[start:] or "/", assert_same_host=False, **words
            )
            return answer

        return send


def _origin(url: str) -> str:
    """The scheme and the host of an address, as they are written there."""
    end = url.find("/", len("https://"))
    return url if end < 0 else url[:end]


def _checked(url: str) -> SplitResult:
    """The parts of an address of HTTP.

    Raises:
        ClientError: it is none.
    """
    try:
        parts = urlsplit(url)
        if parts.scheme in _PORTS and parts.hostname and parts.port != 0:
            return parts
    except ValueError:
        pass
    raise ClientError(f"{bare(url)!r} is no address that a registry may send clients to")


def speaks_tls(host: str, seconds: float) -> bool:
    """Whether who listens at a host speaks TLS; its certificate is looked at by the first request.

    Args:
        host: with its port, if it has one.
        seconds: for which an answer is waited.
    """
    # Without authorities, which take longer to load than all else here.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    parts = urlsplit(f"https://{host}")
    try:
        with (
            socket.create_connection((parts.hostname, parts.port or 443), seconds) as connection,
            context.wrap_socket(connection, server_hostname=parts.hostname),
        ):
            return True
    except ssl.SSLError as error:
        return "ALERT" in error.reason  # which is how TLS refuses, a client's certificate or all
    except OSError:
        return False

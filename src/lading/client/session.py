"""Session with one host: connections, logins, tries again, redirects.

Retries are urllib3's rules: `Retry-After` as told, otherwise twice as long each time with a random
part. Redirects are followed here, so that a login goes to nobody but the host that it is for.
"""

import os
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError, SSLError
from urllib3.util import Retry, Timeout

from lading import __version__
from lading.client.certificates import tls_context
from lading.client.errors import ClientError, Unreachable, of_answer
from lading.client.references import host_of, is_local
from lading.client.tokens import HostTokens, LoginFinder

Body = bytes | Callable[[], Iterable[bytes]]
"""What is sent: bytes, or what gives them anew each time it is called."""

Answered = urllib3.response.BaseHTTPResponse

_TRY_AGAIN = frozenset({429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
# Longer than this nobody waits without being asked.
MOST_WAIT = 120.0
_MOST_ERROR = 64 * 1024


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """How to speak with a host.

    Attributes:
        plain_http: whether HTTP without TLS is spoken; this machine is asked by both.
        insecure: whether any certificate is taken.
        authorities: a file with further authorities, in PEM.
        at_once: how many requests may be under way at a time.
        retries: how often a request is tried again.
        connect_seconds, read_seconds: how long is waited for a connection, and for bytes.
        on_wait: is told of each time that is waited: the status or the error, and the seconds.
    """

    plain_http: bool = False
    insecure: bool = False
    authorities: Path | None = None
    at_once: int = 8
    retries: int = 5
    connect_seconds: float = 20.0
    read_seconds: float = 120.0
    on_wait: Callable[[str, float], None] | None = None


class HostSession:
    """A session with a registry's host; for any number of threads.

    Args:
        registry: as in a reference.
        find: gives the login for a repository; `None` for nobody's.

    Attributes:
        registry: the same.
        counted: how many requests were sent, by method.
    """

    def __init__(
        self, registry: str, find: LoginFinder, options: SessionOptions | None = None
    ) -> None:
        self.registry = registry
        self.counted: dict[str, int] = {}
        self._options = options or SessionOptions()
        self._host = host_of(registry)
        self._slots = threading.BoundedSemaphore(self._options.at_once)
        self._lock = threading.RLock()
        self._base = ""
        self._pools: dict[str, urllib3.PoolManager] = {}
        self._tokens = HostTokens(registry, find, self._ask, self._is_plain)

    @property
    def base(self) -> str:
        """The scheme and the host, found out by the first request if it may be either.

        Raises:
            Unreachable: nobody answers.
        """
        with self._lock:
            if not self._base:
                self._base = self._find_base()
            return self._base

    def close(self) -> None:
        """End all connections."""
        for pool in self._pools.values():
            pool.clear()

    def request(
        self,
        method: str,
        place: str,
        *,
        scopes: tuple[str, ...] = (),
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
        expect: Iterable[int] = (200,),
        again: bool = True,
    ) -> Answered:
        """Send a request, and again where that helps; the answer, its body not read yet.

        Args:
            place: a path of the host, or a whole address.
            scopes: what a token is asked for, as `repository:app:pull`.
            expect: statuses that are no error.
            again: whether a failure may be tried again here.

        Raises:
            ClientError: of the answer, or `Unreachable`.
        """
        url = urljoin(self.base, place)
        expected = frozenset(expect)
        answer = self._follow(method, url, scopes, dict(headers or {}), body, again=again)
        if answer.status in expected:
            return answer
        text = b"" if method == "HEAD" else answer.read(_MOST_ERROR)
        answer.drain_conn()
        error = of_answer(f"{method} {_bare(url)}", answer.status, text)
        error.wait_seconds = _asked_wait(answer)
        raise error

    def _follow(
        self,
        method: str,
        url: str,
        scopes: tuple[str, ...],
        headers: dict[str, str],
        body: Body | None,
        *,
        again: bool,
    ) -> Answered:
        for _ in range(_MOST_REDIRECTS):
            answer = self._authorized(method, url, scopes, headers, body, again=again)
            location = answer.headers.get("location")
            if answer.status not in _REDIRECTS or location is None:
                return answer
            answer.drain_conn()
            url = urljoin(url, location)
        raise ClientError(f"{method} {_bare(url)}: more than {_MOST_REDIRECTS} redirects")

    def _authorized(
        self,
        method: str,
        url: str,
        scopes: tuple[str, ...],
        headers: dict[str, str],
        body: Body | None,
        *,
        again: bool,
    ) -> Answered:
        """Send with what is known of logins; if that is not enough, with what is asked for."""
        if not self._is_own(url):
            return self._send(method, url, headers, body, again=again)
        known = self._tokens.header(scopes)
        login = {"Authorization": known} if known else {}
        answer = self._send(method, url, headers | login, body, again=again)
        if answer.status != 401:
            return answer
        challenges = answer.headers.getlist("www-authenticate")
        try:
            found = self._tokens.answer(challenges, scopes, known)
        except BaseException:
            answer.drain_conn()
            raise
        if not found:
            return answer
        answer.drain_conn()
        return self._send(method, url, headers | {"Authorization": found}, body, again=again)

    def _is_own(self, url: str) -> bool:
        own, other = urlsplit(self.base), urlsplit(url)
        return (own.scheme, own.netloc) == (other.scheme, other.netloc)

    def _send(
        self, method: str, url: str, headers: dict[str, str], body: Body | None, *, again: bool
    ) -> Answered:
        retry = Retry(
            total=self._options.retries if again else 0,
            status_forcelist=_TRY_AGAIN,
            allowed_methods=None,
            backoff_factor=0.5,
            backoff_jitter=0.5,
            backoff_max=30,
            raise_on_status=False,
        )
        while True:
            problem: Exception | None = None
            answer: Answered | None = None
            try:
                answer = self._send_once(method, url, headers, body)
                wait = _asked_wait(answer)
                if answer.status not in _TRY_AGAIN or wait > MOST_WAIT:
                    return answer
            except (SSLError, ssl.SSLError) as error:
                raise _unreachable(url, error) from error
            except (HTTPError, OSError) as error:
                problem, wait = error, 0.0
            try:
                retry = retry.increment(method, url, response=answer, error=problem)
            except (MaxRetryError, HTTPError) as error:
                if answer is not None:
                    return answer
                raise _unreachable(url, problem or error) from error
            if answer is not None:
                answer.drain_conn()
            why = str(problem if answer is None else answer.status)
            self.wait(wait or retry.get_backoff_time(), why)

    def wait(self, seconds: float, why: str) -> None:
        """Wait before something is tried again, and say so."""
        if self._options.on_wait is not None:
            self._options.on_wait(why, seconds)
        time.sleep(seconds)

    def _send_once(
        self, method: str, url: str, headers: Mapping[str, str], body: Body | None
    ) -> Answered:
        content: Any = body() if callable(body) else body
        sent = {"User-Agent": f"lading/{__version__}", "Accept-Encoding": "identity", **headers}
        with self._slots:
            self.counted[method] = self.counted.get(method, 0) + 1
            return self._pool(url).request(
                method,
                url,
                headers=sent,
                body=content,
                retries=False,
                redirect=False,
                preload_content=False,
                timeout=Timeout(
                    connect=self._options.connect_seconds, read=self._options.read_seconds
                ),
            )

    def _is_plain(self) -> bool:
        return self.base.startswith("http:")

    def _ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answered:
        """Send a request for a token, with no login but the one in its headers."""
        return self._send(method, url, dict(headers), body, again=True)

    def _pool(self, url: str) -> urllib3.PoolManager:
        """The connections for an address: through a proxy where the environment names one."""
        parts = urlsplit(url)
        proxy = _proxy_for(parts.scheme, parts.netloc)
        key = f"{proxy} {parts.netloc}"
        with self._lock:
            if key not in self._pools:
                self._pools[key] = self._new_pool(parts.netloc, proxy)
            return self._pools[key]

    def _new_pool(self, netloc: str, proxy: str) -> urllib3.PoolManager:
        options = self._options
        context = tls_context(netloc, insecure=options.insecure, authorities=options.authorities)
        kwargs: dict[str, Any] = {"maxsize": options.at_once, "ssl_context": context}
        if not proxy:
            return urllib3.PoolManager(**kwargs)
        login = urlsplit(proxy)
        headers = None
        if login.username:
            secret = f"{login.username}:{login.password or ''}"
            headers = urllib3.make_headers(proxy_basic_auth=secret)
        return urllib3.ProxyManager(proxy, proxy_headers=headers, **kwargs)

    def _find_base(self) -> str:
        if self._options.plain_http:
            return f"http://{self._host}"
        if not is_local(self._host):
            return f"https://{self._host}"
        try:
            answer = self._send_once("GET", f"https://{self._host}/v2/", {}, None)
        except (HTTPError, OSError) as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise _unreachable(f"https://{self._host}", error) from error
            return f"http://{self._host}"
        answer.drain_conn()
        return f"https://{self._host}"


def _asked_wait(answer: Answered) -> float:
    """The seconds that an answer says to wait; 0 if it says nothing."""
    return Retry().get_retry_after(answer) or 0.0


def _proxy_for(scheme: str, netloc: str) -> str:
    host = netloc.rpartition("@")[2]
    if is_local(host) or proxy_bypass(host):
        return ""
    proxies = getproxies() if os.environ else {}
    return proxies.get(scheme) or proxies.get("all") or ""


def _bare(url: str) -> str:
    """An address without its query, in which signatures may be."""
    return url.partition("?")[0]


def _unreachable(url: str, error: Exception) -> Unreachable:
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        advice = (
            "put the authority's certificate into /etc/docker/certs.d/HOST/ca.crt, or mend the"
            " server's chain (`lading doctor` tells what is wrong)"
        )
    elif "WRONG_VERSION_NUMBER" in text or "record layer failure" in text:
        advice = "it speaks HTTP without TLS: say `--plain-http`"
    elif "Name or service not known" in text or "NameResolution" in text:
        advice = "check the name of the registry"
    else:
        advice = "check that the registry runs, and that a proxy or a firewall lets this through"
    return Unreachable(f"{_bare(url)} cannot be reached: {text}", advice=advice)

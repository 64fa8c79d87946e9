"""Session with one host: connections, logins, tries again, redirects.

What fails is tried again: after `Retry-After` as told, otherwise after twice as long each time,
with a random part. Redirects are followed here, so that a login goes to nobody but the host that it
is for.
"""

import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from urllib3.exceptions import HTTPError, MaxRetryError, SSLError
from urllib3.util import Retry

from lading import __version__
from lading.client.answers import Answered, address, asked_wait, dismiss, read_error
from lading.client.connections import HostConnections, speaks_tls
from lading.client.errors import ClientError, bare, is_no_name, of_answer, reason, unreachable
from lading.client.options import SessionOptions
from lading.client.pace import HostPace
from lading.client.references import host_of, is_local
from lading.client.tokens import HostTokens, LoginFinder

Body = bytes | Callable[[], Iterable[bytes]]
"""What is sent: bytes, or what gives them anew each time it is called."""

_TRY_AGAIN = frozenset({429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_MOST_LOGINS = 5
# Longer than this nobody waits without being asked.
MOST_WAIT = 120.0
_COMMON = {"User-Agent": f"lading/{__version__}", "Accept-Encoding": "identity"}
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A request as it is wanted, whichever address answers it, and with whatever login.

    Attributes:
        again: how many times a failure is tried again.
    """

    method: str
    headers: Mapping[str, str]
    body: Body | None
    again: int
    scopes: tuple[str, ...] = ()


class HostSession:
    """A session with a registry's host; for any number of threads.

    Args:
        registry: as in a reference.
        find: gives the login for a repository; `None` for nobody's.

    Attributes:
        registry: the same.
        counted: how many requests were sent, by method.
        pace: how many may go at a time.
    """

    def __init__(
        self, registry: str, find: LoginFinder, options: SessionOptions | None = None
    ) -> None:
        self.registry = registry
        self.counted: dict[str, int] = {}
        self._options = options or SessionOptions()
        self._host = host_of(registry)
        self.pace = HostPace(self._options.at_once)
        self._connections = HostConnections(self._options)
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._base = ""
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

    @property
    def asks_for_login(self) -> bool:
        """Whether the host has asked for a login so far: none was looked at before."""
        return self._tokens.is_asked_for

    def close(self) -> None:
        """End all connections, and what waits to try something again."""
        self._closed.set()
        self.pace.close()
        self._connections.close()

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
        # Most places are our own paths, which need not be read.
        url = f"{self.base}{place}" if place.startswith("/v2/") else address(self.base, place)
        expected = frozenset(expect)
        tries = self._options.retries if again else 0
        answer = self._follow(url, _Wanted(method, headers or {}, body, tries, scopes))
        if answer.status in expected:
            return answer
        error = of_answer(f"{method} {bare(url)}", answer.status, read_error(answer))
        error.wait_seconds = asked_wait(answer)
        raise error

    def _follow(self, url: str, wanted: _Wanted) -> Answered:
        for _ in range(_MOST_REDIRECTS):
            answer = self._authorized(url, wanted)
            location = answer.headers.get("location")
            if answer.status not in _REDIRECTS or location is None:
                return answer
            dismiss(answer)
            url = address(url, location)
        raise ClientError(f"{wanted.method} {bare(url)}: more than {_MOST_REDIRECTS} redirects")

    def _authorized(self, url: str, wanted: _Wanted) -> Answered:
        """Send with what is known of logins; if that is not enough, with what is asked for."""
        if not self.is_own(url):
            self._check_safe(url)
            return self._send(url, wanted)
        known = self._tokens.header(wanted.scopes)
        answer = self._send(url, wanted, known)
        for _ in range(_MOST_LOGINS):
            if answer.status != 401:
                break
            challenges = answer.headers.getlist("www-authenticate")
            try:
                found = self._tokens.answer(challenges, wanted.scopes, known)
            except BaseException:
                dismiss(answer)
                raise
            if not found:
                break
            dismiss(answer)
            known, answer = found, self._send(url, wanted, found)
            # It was right when it was sent, and is over since, as one waited for this registry.
            if not self._tokens.is_over(wanted.scopes, known):
                break
        return answer

    def _check_safe(self, url: str) -> None:
        """Go from TLS to no place without, where others read along and answer."""
        if self._is_plain() or not url.startswith("http:"):
            return
        raise ClientError(
            f"{self.registry} sends its clients to {bare(url)}, which has no TLS",
            advice="let the proxy before it tell it `X-Forwarded-Proto: https` and the `Host`",
        )

    def is_own(self, url: str) -> bool:
        """Whether an address is of the registry's host itself, to which a login may go."""
        base = self.base
        return url.startswith(f"{base}/") or _origin(url) == _origin(base)

    def _send(self, url: str, wanted: _Wanted, login: str = "") -> Answered:
        retry: Retry | None = None
        while True:
            problem: Exception | None = None
            answer: Answered | None = None
            try:
                answer = self._send_once(url, wanted, login)
                if answer.status not in _TRY_AGAIN or asked_wait(answer) > MOST_WAIT:
                    return answer
            except (SSLError, ssl.SSLError) as error:
                raise unreachable(url, error) from error
            except (HTTPError, OSError) as error:
                if self._closed.is_set() or is_no_name(error):
                    raise unreachable(url, error) from error
                problem = error
            try:
                # Not told of the answer, whose headers it would read without care.
                before = retry or _retries(wanted.again)
                retry = before.increment(wanted.method, url, error=problem)
            except (MaxRetryError, HTTPError) as error:
                if answer is not None:
                    return answer
                raise unreachable(url, problem or error) from error
            wait = 0.0
            if answer is not None:
                wait = asked_wait(answer)
                dismiss(answer)
            why = reason(problem) if problem is not None else str(answer.status if answer else "")
            self.wait(wait or retry.get_backoff_time(), why)

    def wait(self, seconds: float, why: str) -> None:
        """Wait before something is tried again, and say so.

        Raises:
            ClientError: the session was closed, so nothing is.
        """
        if self._options.on_wait is not None:
            self._options.on_wait(why, seconds)
        if self._closed.wait(seconds):
            raise ClientError(f"the session with {self.registry} was closed")

    def _send_once(self, url: str, wanted: _Wanted, login: str) -> Answered:
        method = wanted.method
        headers = {**_COMMON, **wanted.headers, **({"Authorization": login} if login else {})}
        content: Any = wanted.body() if callable(wanted.body) else wanted.body
        begun = self.pace.begin()
        try:
            self.counted[method] = self.counted.get(method, 0) + 1
            answer = self._connections.send(method, url, headers, content)
        finally:
            self.pace.end()
        if answer.status == 429:
            self.pace.slow_down(begun, min(asked_wait(answer), MOST_WAIT))
        else:
            self.pace.praise()
        return answer

    def _is_plain(self) -> bool:
        return self.base.startswith("http:")

    def _ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answered:
        """Send a request for a token, with no login but the one in its headers."""
        return self._send(url, _Wanted(method, headers, body, self._options.retries))

    def _find_base(self) -> str:
        if self._options.plain_http:
            return f"http://{self._host}"
        if not is_local(self._host):
            return f"https://{self._host}"
        has_tls = speaks_tls(self._host, self._options.connect_seconds)
        return f"https://{self._host}" if has_tls else f"http://{self._host}"


def _retries(most: int) -> Retry:
    """So many tries more, each after twice as long."""
    return Retry(
        total=most, allowed_methods=None, backoff_factor=0.5, backoff_jitter=0.5, backoff_max=30
    )


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """The scheme, the host and the port of an address."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return "", None, None

"""Requests of one session as they are sent: so many at a time, and again where that helps.

What fails is tried again: after `Retry-After` as told, otherwise after twice as long each time,
with a random part.
"""

import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from urllib3.exceptions import HTTPError, MaxRetryError, SSLError
from urllib3.util import Retry

from lading import __version__
from lading.client.answers import Answered, asked_wait, dismiss
from lading.client.connections import HostConnections
from lading.client.errors import ClientError, is_no_name, is_refused, reason, unreachable
from lading.client.options import SessionOptions
from lading.client.pace import HostPace

Body = bytes | Callable[[], Iterable[bytes]]
"""What is sent: bytes, or what gives them anew each time it is called."""

_TRY_AGAIN = frozenset({429, 500, 502, 503, 504})
# Longer than this nobody waits without being asked.
MOST_WAIT = 120.0
_COMMON = {"User-Agent": f"lading/{__version__}", "Accept-Encoding": "identity"}


class WantedRequest(NamedTuple):
    """A request as it is wanted, whichever address answers it, and with whatever login.

    Attributes:
        again: how many times a failure is tried again.
    """

    method: str
    headers: Mapping[str, str]
    body: Body | None
    again: int
    scopes: tuple[str, ...] = ()


class HostSender:
    """Sender of requests to a host, and to those that it sends clients to; for many threads.

    Args:
        registry: whose session it is, for what is said of it.

    Attributes:
        counted: how many requests were sent, by method.
        pace: how many may go at a time.
    """

    def __init__(self, registry: str, options: SessionOptions) -> None:
        self.counted: dict[str, int] = {}
        self.pace = HostPace(options.at_once)
        self._registry = registry
        self._options = options
        self._connections = HostConnections(options)
        self._closed = threading.Event()

    def close(self) -> None:
        """End all connections, and what waits to try something again."""
        self._closed.set()
        self.pace.close()
        self._connections.close()

    def send(self, url: str, wanted: WantedRequest, login: str = "") -> Answered:
        """Send a request, and again where that helps.

        Raises:
            Unreachable: there is no answer.
        """
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
                if self._closed.is_set() or self._is_final(url, error, retry):
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
            raise ClientError(f"the session with {self._registry} was closed")

    def _is_final(self, url: str, error: Exception, before: Retry | None) -> bool:
        """Whether an error is likely to be the same after a while.

        Args:
            before: the tries so far, but for this one; `None` if it is the first.
        """
        if is_no_name(error):
            return True
        if not is_refused(error) or self._connections.has_answered(url):
            return False
        return len(before.history if before else ()) >= self._options.refused_retries

    def _send_once(self, url: str, wanted: WantedRequest, login: str) -> Answered:
        content: Any = wanted.body() if callable(wanted.body) else wanted.body
        begun = self.pace.begin()
        try:
            self._count(wanted.method)
            headers = _headers(wanted.headers, login)
            answer = self._connections.send(wanted.method, url, headers, content)
        finally:
            self.pace.end()
        self._note(answer, begun)
        return answer

    def _count(self, method: str) -> None:
        self.counted[method] = self.counted.get(method, 0) + 1

    def _note(self, answer: Answered, begun: float) -> None:
        if answer.status == 429:
            self.pace.slow_down(begun, min(asked_wait(answer), MOST_WAIT))
        else:
            self.pace.praise()


def _headers(wanted: Mapping[str, str], login: str) -> Mapping[str, str]:
    return {**_COMMON, **wanted, **({"Authorization": login} if login else {})}


def _retries(most: int) -> Retry:
    """So many tries more, each after twice as long."""
    return Retry(
        total=most, allowed_methods=None, backoff_factor=0.5, backoff_jitter=0.5, backoff_max=30
    )

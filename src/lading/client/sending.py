"""Requests of one session as they are sent: so many at a time, and again where that helps.

What fails is tried again: after `Retry-After` as told, otherwise after twice as long each time,
with a random part.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from lading import __version__
from lading.client.answers import asked_wait, dismiss
from lading.client.connections import HostConnections
from lading.client.errors import (
    ClientError,
    TunnelRefused,
    is_lasting,
    is_refused,
    reason,
    unreachable,
)
from lading.client.kept_connections import HostAnswer
from lading.client.options import SessionOptions

Body = bytes | Callable[[], Iterable[bytes]]
"""What is sent: bytes, or what gives them anew each time it is called."""

_TRY_AGAIN = frozenset({429, 500, 502, 503, 504})
# Longer than this nobody waits without being asked.
MOST_WAIT = 120.0
_MOST_PAUSE = 30.0
COMMON_HEADERS = {"User-Agent": f"lading/{__version__}", "Accept-Encoding": "identity"}
"""The headers of every request."""
# So many requests without a refusal, for each that may be under way, let one more go at a time.
_GOOD_EACH = 16


class WantedRequest(NamedTuple):
    """A request, whatever address and login it goes with, and how often a failure is retried."""

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

    def send(self, url: str, wanted: WantedRequest, login: str = "") -> HostAnswer:
        """Send a request, and again where that helps; `Unreachable` if there is no answer."""
        tried = 0
        while True:
            try:
                answer = self._send_once(url, wanted, login)
            except OSError as error:
                is_over = tried >= wanted.again or self._closed.is_set()
                if is_over or self._is_final(url, error, tried):
                    raise unreachable(url, error) from error
                seconds, why = 0.0, reason(error)
            else:
                if answer.status not in _TRY_AGAIN or tried >= wanted.again:
                    return answer
                seconds, why = asked_wait(answer), str(answer.status)
                if seconds > MOST_WAIT:
                    return answer
                dismiss(answer)
            tried += 1
            self.wait(seconds or _pause(tried), why)

    def wait(self, seconds: float, why: str) -> None:
        """Wait before something is tried again; a `ClientError` if the session was closed."""
        if self._options.on_wait is not None:
            self._options.on_wait(why, seconds)
        if self._closed.wait(seconds):
            raise ClientError(f"the session with {self._registry} was closed")

    def _is_final(self, url: str, error: OSError, tried: int) -> bool:
        """Whether an error, after so many tries more, is likely to be the same after a while."""
        if isinstance(error, TunnelRefused) and error.status not in _TRY_AGAIN:
            return True  # as by a registry that gives the same answer itself
        if is_lasting(error):
            return True
        if not is_refused(error) or self._connections.has_answered(url):
            return False
        return tried >= self._options.refused_retries

    def _send_once(self, url: str, wanted: WantedRequest, login: str) -> HostAnswer:
        content = wanted.body() if callable(wanted.body) else wanted.body
        begun = self.pace.begin()
        try:
            self.counted[wanted.method] = self.counted.get(wanted.method, 0) + 1
            own = {"Authorization": login} if login else {}
            headers = {**COMMON_HEADERS, **wanted.headers, **own}
            answer = self._connections.send(wanted.method, url, headers, content)
        finally:
            self.pace.end()
        if answer.status == 429:
            self.pace.slow_down(begun, min(asked_wait(answer), MOST_WAIT))
        else:
            self.pace.praise()
        return answer


def _pause(tried: int) -> float:
    """Seconds before it is tried again, which it is at once after the first failure."""
    if tried <= 1:
        return 0.0
    import random  # noqa: PLC0415 - it takes long to load

    return min(_MOST_PAUSE, 2.0 ** (tried - 2) + random.uniform(0, 0.5))  # noqa: S311 - no secret


class _OwnRequests(threading.local):
    """Requests of a thread that are under way."""

    count = 0


class HostPace:
    """Requests to one host: fewer at a time after it said that they are too many, slowly more.

    A host that answers 429 bounds all requests of a client, so all of them wait, not only the one
    that was refused. What a thread asks for while a request of its own is under way is a part of
    that, as where the body of an upload is read from the same host: it takes no turn of its own.
    Else as many uploads as may be under way would wait for each other for ever.

    Args:
        most: how many may be under way at a time.

    Attributes:
        at_once: how many may be now.
    """

    def __init__(self, most: int) -> None:
        self.at_once = most
        self._most = most
        self._under_way = 0
        self._good = 0
        self._until = 0.0
        self._slowed = 0.0
        self._closed = False
        self._own = _OwnRequests()
        self._changed = threading.Condition()

    def begin(self) -> float:
        """Wait until a request may go; the moment at which it does."""
        with self._changed:
            while True:
                now = time.monotonic()
                is_early = now < self._until
                is_full = self._under_way >= self.at_once and self._own.count <= 0
                if self._closed or not (is_early or is_full):
                    self._under_way += 1
                    self._own.count += 1
                    return now
                self._changed.wait(self._until - now if is_early else None)

    def end(self) -> None:
        """Say that a request was answered, or failed."""
        self._own.count -= 1
        with self._changed:
            self._under_way -= 1
            self._changed.notify()

    def close(self) -> None:
        """Let nothing wait any more: what it waited for is over."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def praise(self) -> None:
        """Say that a request was not refused."""
        if self.at_once == self._most:
            return
        with self._changed:
            self._good += 1
            if self._good >= _GOOD_EACH * self.at_once and self.at_once < self._most:
                self._good = 0
                self.at_once += 1
                self._changed.notify()

    def slow_down(self, begun: float, seconds: float) -> None:
        """Let half as many go at a time, after a pause.

        Args:
            begun: when the request was, which the host refused: those that were under way
                together are one reason to slow down, not many.
            seconds: for which no request goes.
        """
        with self._changed:
            now = time.monotonic()
            self._until = max(self._until, now + seconds)
            if begun < self._slowed:
                return
            self._slowed = now
            self._good = 0
            self.at_once = max(1, self.at_once // 2)

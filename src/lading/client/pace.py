"""Pace of requests to one host: how many at a time, and none while it asks to wait."""

import threading
import time

# So many requests without a refusal, for each that may be under way, let one more go at a time.
_GOOD_EACH = 16


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

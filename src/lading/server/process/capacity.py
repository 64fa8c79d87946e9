"""Capacity for connections: how many a worker serves, and which one leaves for another.

Descriptors are what a process runs out of first. A connection that is accepted without any left for
its file is told 503, and so is everybody else; one that waits to be accepted notices nothing. So a
worker accepts as many as it can serve, and no more before one of those has left.
"""

import logging
import resource
from collections import deque
from collections.abc import Callable, Iterable

from lading.server.http.deadlines import Deadlines

log = logging.getLogger(__name__)

# Descriptors that a connection may need: its own, that of a file, and one to send the file by.
EACH = 3
# Descriptors for all else: the database, locks, logs, directories that are synced, and connections
# that were just closed.
RESERVED = 64
# Connections of a worker, however many descriptors there are: idle ones take some KiB each.
MOST = 10_000
# The same over TLS, whose buffers (OpenSSL's and uvloop's) keep up to two thirds of a MiB of each
# that has sent much.
MOST_ENCRYPTED = 1_000
LEAST = 8
# Where there is no limit at all; the kernel's own default for one process.
_MOST_DESCRIPTORS = 1024 * 1024
# Connections from which an operator need not hear about the limit.
_PLENTY = 300
# Of those who could leave, looked up at once.
_BATCH = 64


def raise_limit() -> int:
    """Let this process, and those that it starts, open as many files as they may; how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return wanted if soft == resource.RLIM_INFINITY else soft


def most_connections(descriptors: int, *, encrypted: bool) -> int:
    """How many connections a worker with so many descriptors serves."""
    most = MOST_ENCRYPTED if encrypted else MOST
    most = max(LEAST, min(most, (descriptors - RESERVED) // EACH))
    if most < _PLENTY:
        log.warning(
            "a process may have %d files open, so a worker serves %d connections at once;"
            " allow more (ulimit -n, LimitNOFILE=, --ulimit nofile=)",
            descriptors,
            most,
        )
    return most


class Capacity:
    """Capacity of one worker, with the deadlines of all who are its guests now."""

    def __init__(self, most: int, guests: Callable[[], Iterable[Deadlines]]) -> None:
        self._most = most
        self._guests = guests
        # To look at all of them for each one that comes would cost more than to serve it.
        self._next: deque[tuple[tuple[int, float], Deadlines]] = deque()

    def has_place(self, taken: int) -> bool:
        """Whether one more may come, when so many are there: if need be, one of them leaves."""
        return taken < self._most or self._send_one_away()

    def _send_one_away(self) -> bool:
        if not self._next:
            found = ((guest.dispensable(), guest) for guest in self._guests())
            known = [(order, guest) for order, guest in found if order is not None]
            known.sort(key=lambda entry: entry[0])
            self._next.extend(known[:_BATCH])
        while self._next:
            order, guest = self._next.popleft()
            # It has not moved since, nor is a move of it waiting to be seen.
            if guest.dispensable() == order and not guest.has_request():
                guest.make_way()
                return True
        return False

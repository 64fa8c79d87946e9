"""Deadlines of a connection: what it waits for, how long, and who leaves first for another one.

    state    waits for                    its time      is over  for another  byte     worker ends
    ───────  ───────────────────────────  ────────────  ───────  ───────────  ───────  ───────────
    NEW      a first byte                 head timeout  closes   at once      HEAD     closes
    HEAD     the rest of a head           head timeout  closes   at once      goes on  answers
    BODY     more of a body               idle timeout  aborts   standing     anew     answers
    ANSWER   the application              none          stays    stays        HEAD     answers
    TAKING   an answer to be taken        idle timeout  aborts   standing     HEAD     answers
    TAKEN    the last answer to be taken  idle timeout  aborts   standing     HEAD     closes
    IDLE     a next request               keep-alive    closes   at once      HEAD     closes
    PARTING  the client's end             linger        closes   first        goes on  stays
    CLOSING  its last bytes to be taken   idle timeout  aborts   standing     goes on  stays
    CLOSED   nothing                      none          stays    stays        goes on  stays

A byte in either direction is a sign of life, and the time begins anew, or goes on, or it is the
first one of a head. "For another" is what happens when another connection needs the place:
"standing" is whose client moved fewer than `CRAWL` bytes in `STANDING` seconds, as a byte now and
then costs it nothing. When the worker is told to end, a connection ends after the response that is
under way, and no response is cut.
"""

import asyncio
import fcntl
import math
import struct
import termios
from collections.abc import Mapping
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lading.server.http.connection import Connection

# Seconds for the head of a request, from its first byte on, and for the first of all from when the
# connection is there, as nginx's `client_header_timeout`.
HEAD_TIMEOUT = 60.0
# Seconds in the middle of a request or an answer after which a connection may be closed for another
# one that would have to wait, if fewer than so many bytes have moved on it in these: Apache's
# `RequestReadTimeout` asks for 500 a second.
STANDING = 10.0
CRAWL = 5000
# Seconds that a client has to read the last response.
LINGER = 5.0


class State(Enum):
    """The state of a connection: what it waits for, the first column of the table."""

    NEW = auto()
    HEAD = auto()
    BODY = auto()
    ANSWER = auto()
    TAKING = auto()
    TAKEN = auto()
    IDLE = auto()
    PARTING = auto()
    CLOSING = auto()
    CLOSED = auto()


def timeouts(idle: float, keep_alive: float) -> Mapping[State, float]:
    """Seconds that a connection has in each state.

    Args:
        idle: without a sign of life in the middle of a request.
        keep_alive: between two requests.
    """
    first = min(HEAD_TIMEOUT, idle)
    return {
        State.NEW: first,
        State.HEAD: first,
        State.BODY: idle,
        State.ANSWER: math.inf,
        State.TAKING: idle,
        State.TAKEN: idle,
        State.IDLE: keep_alive,
        State.PARTING: LINGER,
        State.CLOSING: idle,
        State.CLOSED: math.inf,
    }


# Who leaves first for another connection: what was refused, then what has been idle for longest, be
# it between two requests or before the first one, then whoever stands still in the middle of one.
_ORDER = {
    State.PARTING: 0,
    State.NEW: 1,
    State.HEAD: 1,
    State.IDLE: 1,
    State.BODY: 2,
    State.TAKING: 2,
    State.TAKEN: 2,
    State.CLOSING: 2,
}


class Deadlines:
    """Deadlines of one connection.

    Attributes:
        moved_at: the last sign of life, on the loop's clock.
        asked: whether a request was complete.
    """

    asked = False
    _began = 0.0
    _unsent = 0
    # Bytes that moved since it last was no crawl.
    _crawled = 0
    # When it last moved before everything had been taken that was sent.
    _settled_at = -1.0

    def __init__(self, connection: "Connection", timeouts: Mapping[State, float]) -> None:
        self._connection = connection
        self._timeouts = timeouts
        self._clock = asyncio.get_running_loop().time
        self.moved_at = self._walked_at = self._clock()

    def move(self, size: int) -> None:
        """Note a sign of life: so many bytes."""
        self.moved_at = self._clock()
        self._walk(size)

    def turn(self) -> None:
        """Begin the time of whatever comes next: an exchange is over."""
        self.moved_at = self._walked_at = self._clock()
        self._crawled = 0

    def begin(self) -> None:
        """Begin the time of a head, which no further byte prolongs."""
        self._began = self._walked_at = self.moved_at
        self._crawled = 0

    def part(self) -> None:
        """Begin the time of parting, which no further byte prolongs."""
        self._began = self._clock()

    @property
    def state(self) -> State:
        """What the connection waits for, by what was unsent when that was looked at."""
        connection = self._connection
        if connection.transport.is_closing():
            return State.CLOSING if self._unsent else State.CLOSED
        if connection.parting:
            return State.PARTING
        if connection.reader.head is not None:
            return State.HEAD
        if self._unsent:
            return State.TAKING if connection.exchanges else State.TAKEN
        if not connection.exchanges:
            return State.IDLE if self.asked else State.NEW
        answering = connection.exchanges[0]
        waits = answering.more_body and connection.reading and not answering.waits
        return State.BODY if waits else State.ANSWER

    def leave_if_over(self, now: float) -> None:
        """End the connection if its time is over by the loop's clock."""
        self._look_at_unsent(now)
        state = self.state
        if now - self._since(state) > self._timeouts[state]:
            self._end(cut=state is not State.PARTING and self._is_on_its_way)

    def dispensable(self) -> tuple[int, float] | None:
        """How soon it ends for another connection: the smaller, the sooner; `None` if never."""
        state = self.state
        order = _ORDER.get(state)
        if order != _ORDER[State.BODY]:
            return None if order is None else (order, self._since(state))
        return (order, self._walked_at) if self._clock() - self._walked_at > STANDING else None

    def has_request(self) -> bool:
        """Whether the client of a connection that seems idle has asked, and was not heard yet."""
        return self.state in {State.NEW, State.IDLE} and self._ask_kernel(termios.FIONREAD) > 0

    def make_way(self) -> None:
        """End the connection for another one, which needs its descriptor now.

        One of TLS would be held until its client says that it has seen the end.
        """
        encrypted = self._connection.transport.get_extra_info("sslcontext") is not None
        self._end(cut=encrypted or self._is_on_its_way)

    def _since(self, state: State) -> float:
        return self._began if state in {State.HEAD, State.PARTING} else self.moved_at

    @property
    def _is_on_its_way(self) -> bool:
        return bool(self._connection.exchanges or self._unsent)

    def _end(self, *, cut: bool) -> None:
        if cut:
            self._connection.transport.abort()
        else:
            self._connection.transport.close()

    def _look_at_unsent(self, now: float) -> None:
        """Find out whether the client has taken something, unless it has taken everything."""
        if not self._connection.exchanges and self._settled_at == self.moved_at:
            return
        unsent = self._unsent_bytes()
        if unsent != self._unsent:
            # The first of an answer begins its time.
            size = abs(unsent - self._unsent) if self._unsent else CRAWL
            self._unsent, self.moved_at = unsent, now
            self._walk(size)
        if not unsent:
            self._settled_at = self.moved_at

    def _walk(self, size: int) -> None:
        """Count bytes that moved; enough of them are no crawl."""
        self._crawled += size
        if self._crawled >= CRAWL:
            self._crawled, self._walked_at = 0, self.moved_at

    def _unsent_bytes(self) -> int:
        """Bytes that the client has not taken, of this program's buffer and of the kernel's."""
        transport = self._connection.transport
        waiting = transport.get_write_buffer_size()
        if transport.is_closing() and not waiting:  # perhaps closed already
            return 0
        return self._ask_kernel(termios.TIOCOUTQ) + waiting

    def _ask_kernel(self, request: int) -> int:
        """A number of bytes that the kernel has of the connection (tcp(7))."""
        descriptor = self._connection.transport.get_extra_info("socket").fileno()
        (number,) = struct.unpack("i", fcntl.ioctl(descriptor, request, bytes(4)))
        return int(number)

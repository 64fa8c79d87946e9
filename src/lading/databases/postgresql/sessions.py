"""Sessions with the server: connections, and what is repeated when one of them is lost.

There are as many as threads that use them: whoever waits for a connection waits for a thread. The
one that was used last is used next, as its statements are planned already.
"""

import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import psycopg

from lading.core.typing import T
from lading.databases.postgresql import failures
from lading.databases.postgresql.connection import Overdue, TimedConnection
from lading.databases.postgresql.server import Server
from lading.ports.measures import Count, Level, Measures
from lading.system.threads import begin_thread

# Seconds before what failed is tried again, at most: the first time, and ever.
_FIRST_PAUSE = 0.005
_LONGEST_PAUSE = 0.5
# Seconds between two looks at who waits for longer than until its deadline.
_LOOK = 0.2


class Sessions:
    """Sessions with one server, for several threads, and one that watches their deadlines."""

    def __init__(self, server: Server, measures: Measures) -> None:
        self._server = server
        self._measures = measures
        self._idle: list[TimedConnection] = []
        self._used: set[TimedConnection] = set()
        self._watch: threading.Thread | None = None
        self._over = threading.Event()

    def run(
        self, attempt: Callable[[TimedConnection], T], deadline: float, *, seconds: float = 0.0
    ) -> T:
        """Call a function with a connection, again if another one or another try may do better.

        Args:
            attempt: what to do; what it changes, it changes as a whole or not at all.
            deadline: by the monotonic clock, after which it is not begun any more.
            seconds: that it may take once it is begun; those until the deadline, if they are more.

        Raises:
            psycopg.Error: the last failure.
        """
        tries = 0
        while True:
            if time.monotonic() > deadline:
                raise Overdue("there was no time left")
            try:
                return self._attempt(attempt, deadline, max(deadline, time.monotonic() + seconds))
            except psycopg.Error as error:
                tries += 1
                pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**tries)
                cause = failures.why_again(error, tries)
                if self._server.preparing.give_up_after(error):
                    cause = Count.REPEATED_AFTER_LOST_CONNECTION
                if cause is None or time.monotonic() + pause > deadline:
                    raise
                self._measures.count(cause)
            time.sleep(random.uniform(0, pause))  # noqa: S311 - it keeps apart those who have met

    def close(self) -> None:
        """Close the connections, which nobody uses any more."""
        self._close_idle()
        self._over.set()
        if self._watch is not None:
            self._watch.join()

    def _attempt(self, attempt: Callable[[TimedConnection], T], begin: float, end: float) -> T:
        connection = self._take(begin)
        connection.deadline = end
        self._used.add(connection)
        try:
            result = attempt(connection)
        except BaseException as error:
            self._give_back(connection)
            if isinstance(error, Overdue) or (
                isinstance(error, psycopg.Error) and failures.is_lost(error)
            ):
                self._close_idle()  # those that nobody uses are lost with it
            raise
        self._give_back(connection)
        return result

    def _take(self, deadline: float) -> TimedConnection:
        try:
            return self._idle.pop()
        except IndexError:
            self._begin_to_watch()  # first: without a thread for that, no connection is to be left
            connection = self._server.connect(deadline - time.monotonic())
            self._measures.change(Level.CONNECTIONS_OPEN, 1)
            return connection

    def _give_back(self, connection: TimedConnection) -> None:
        self._used.discard(connection)
        if connection.end_use():
            self._idle.append(connection)
        else:
            self._close(connection)

    def _begin_to_watch(self) -> None:
        if self._watch is None:
            self._watch = begin_thread(self._look, "postgresql-watch")

    def _look(self) -> None:
        while not self._over.wait(_LOOK):
            for connection in tuple(self._used):
                if connection.give_up_if_overdue():
                    self._used.discard(connection)
                    _interrupt(connection)

    def _close_idle(self) -> None:
        while self._idle:
            self._close(self._idle.pop())

    def _close(self, connection: TimedConnection) -> None:
        self._measures.change(Level.CONNECTIONS_OPEN, -1)
        with suppress(psycopg.Error):
            connection.close()


def _interrupt(connection: TimedConnection) -> None:
    """Interrupt a use: the server is asked to give up, and may not answer that either."""
    try:
        begin_thread(connection.interrupt, "postgresql-interrupt")
    except MemoryError:  # then others that are overdue wait for it
        connection.interrupt()

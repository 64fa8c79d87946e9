"""Sessions with PostgreSQL where something else than the server is missing."""

import math
import threading
from typing import cast

import pytest

from lading.databases.postgresql import sessions
from lading.databases.postgresql.connection import TimedConnection
from lading.databases.postgresql.server import Server
from lading.databases.postgresql.sessions import Sessions
from lading.ports.measures import UNMEASURED


def test_no_connection_is_left_open_that_nobody_can_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[float] = []

    class Unasked:
        def connect(self, seconds: float) -> TimedConnection:
            opened.append(seconds)
            raise AssertionError

    def fail(*_: object) -> None:
        raise MemoryError("can't start new thread")

    monkeypatch.setattr(sessions, "begin_thread", fail)
    with pytest.raises(MemoryError):
        Sessions(cast("Server", Unasked()), UNMEASURED).run(lambda _: None, math.inf)
    assert opened == []


class Standing:
    """A connection, and its server, which does not answer."""

    deadline = 0.0

    def __init__(self) -> None:
        self.interrupted = threading.Event()

    def connect(self, seconds: float) -> TimedConnection:
        return cast("TimedConnection", self)

    def give_up_if_overdue(self) -> bool:
        return True

    def interrupt(self) -> None:
        self.interrupted.set()

    def end_use(self) -> bool:
        return False

    def close(self) -> None:
        pass


def test_who_is_overdue_is_interrupted_though_there_is_no_thread_for_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And so is the next one: else nobody's deadline would count from then on."""
    begin = threading.Thread.start

    def begin_watch_alone(thread: threading.Thread) -> None:
        if thread.name != "postgresql-watch":
            raise RuntimeError("can't start new thread")
        begin(thread)

    monkeypatch.setattr(threading.Thread, "start", begin_watch_alone)
    monkeypatch.setattr(sessions, "_LOOK", 0.01)
    server = Standing()
    own = Sessions(cast("Server", server), UNMEASURED)
    for _ in range(2):
        assert own.run(lambda _: server.interrupted.wait(60), math.inf)
        server.interrupted.clear()
    own.close()

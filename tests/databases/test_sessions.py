"""Sessions with PostgreSQL where something else than the server is missing."""

import math
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

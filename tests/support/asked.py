"""Commands that PostgreSQL is asked to run, as they are sent."""

from typing import Any

import psycopg
import pytest

from lading.databases.postgresql.connection import TimedConnection
from lading.databases.postgresql.statements import Statement
from lading.ports.database import Parameters


def watched_commands(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Commands that are sent from now on, each of which is waited for."""
    asked: list[str] = []
    call, ask, execute = TimedConnection.call, TimedConnection.ask, psycopg.AsyncConnection.execute

    def watched_call(self: TimedConnection, statement: Statement, parameters: Parameters) -> Any:
        asked.append(statement.text.decode())
        return call(self, statement, parameters)

    def watched_ask(self: TimedConnection, commands: bytes) -> Any:
        asked.append(commands.decode())
        return ask(self, commands)

    def watched_execute(self: Any, query: str, *args: Any, **kwargs: Any) -> Any:
        asked.append(query)
        return execute(self, query, *args, **kwargs)

    monkeypatch.setattr(TimedConnection, "call", watched_call)
    monkeypatch.setattr(TimedConnection, "ask", watched_ask)
    monkeypatch.setattr(psycopg.AsyncConnection, "execute", watched_execute)
    return asked

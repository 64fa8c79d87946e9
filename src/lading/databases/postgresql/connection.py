"""A connection to PostgreSQL that waits no longer than it was told, and its transaction."""

import math
import os
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus

from lading.core.typing import T, override
from lading.databases.postgresql.statements import translate
from lading.ports.database import Parameters, Rows, SqlConnection
from lading.ports.dialect import Dialect

POSTGRESQL = Dialect(
    now="CAST(extract(epoch FROM clock_timestamp()) AS DOUBLE PRECISION)",
    schema_version="SELECT version FROM lading_schema",
    all_names="string_agg(name, ',')",
    go_on_numbering="""
        SELECT setval(pg_get_serial_sequence('{table}', 'id'), coalesce(max(id), 0) + 1, false)
        FROM {table}
    """,
)

# Seconds for which a server is asked to give up what nobody waits for any more.
_CANCELLING = 1.0


class Overdue(psycopg.OperationalError):
    """The server did not answer in time; the connection is closed."""


class TimedConnection(psycopg.Connection[tuple[Any, ...]]):
    """A connection that is closed when the server has not answered by its deadline.

    Attributes:
        deadline: of what is run now, by the monotonic clock.
    """

    deadline: float = math.inf

    @override
    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        if self.deadline == math.inf:
            return super().wait(gen, interval, timeout)
        left = self.deadline - time.monotonic()
        try:
            return super().wait(gen, interval, max(left, 0.001))
        except psycopg.OperationalError as error:
            if time.monotonic() < self.deadline:
                raise
            self.abandon()
            raise Overdue("the database did not answer in time") from error

    @property
    def is_idle(self) -> bool:
        """Whether it can be used for the next transaction."""
        return self.pgconn.transaction_status == TransactionStatus.IDLE

    def abandon(self) -> None:
        """Close it, whatever the server is doing; that is told to give up."""
        self.deadline = math.inf
        with suppress(psycopg.Error):
            self.cancel_safe(timeout=_CANCELLING)
        self.pgconn.finish()

    def interrupt(self) -> None:
        """Have what waits for the server, in another thread, fail now; the server gives up, too."""
        with suppress(psycopg.Error):
            self.cancel_safe(timeout=_CANCELLING)
        with suppress(OSError), socket.socket(fileno=os.dup(self.fileno())) as same:
            same.shutdown(socket.SHUT_RDWR)

    def run(self, commands: bytes) -> None:
        """Run commands that have no parameters, all in one message."""
        self.execute(commands, prepare=False)


class PostgresqlConnection(SqlConnection):
    """A connection as functions of one see it."""

    dialect = POSTGRESQL

    def __init__(self, connection: TimedConnection) -> None:
        self._connection = connection

    @override
    def execute(self, statement: str, parameters: Parameters = (), /) -> Rows:
        if not parameters:
            return self._connection.execute(statement.encode(), binary=True)
        return self._connection.execute(translate(statement), parameters, binary=True)

    @override
    def executemany(self, statement: str, parameters: Sequence[Parameters], /) -> Rows:
        cursor = self._connection.cursor(binary=True)
        cursor.executemany(translate(statement), parameters)
        return cursor

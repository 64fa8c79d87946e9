"""A connection to PostgreSQL that waits no longer than it was told, and its transaction.

Statements are sent by calls of libpq that wait by themselves. psycopg's own cursors wait in several
steps, between which a thread has to get hold of the interpreter each time: with four threads that
took 80 microseconds of processor a statement, and this takes 15.
"""

import math
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import RawCursor, errors
from psycopg.abc import PQGen
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import Diagnostic
from psycopg.pq import DiagnosticField, ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGresult

from lading.core.typing import T, override
from lading.databases.postgresql import settings
from lading.databases.postgresql.preparing import Preparing, StatementNames
from lading.databases.postgresql.statements import Statement, merge, translate
from lading.ports.database import Parameters, Rows, SqlConnection
from lading.ports.dialect import Dialect

POSTGRESQL = Dialect(
    now="CAST(extract(epoch FROM clock_timestamp()) AS DOUBLE PRECISION)",
    schema_version="SELECT version FROM lading_schema",
    takes_changes="SELECT CAST(current_setting('transaction_read_only') = 'off' AS INTEGER)",
    all_names="string_agg(name, ',')",
    go_on_numbering="""
        SELECT setval(pg_get_serial_sequence('{table}', 'id'), coalesce(max(id), 0) + 1, false)
        FROM {table}
    """,
)

# Seconds for which a server is asked to give up what nobody waits for any more; and for which its
# answer to that is waited for, as it may say that it was done all the same.
_CANCELLING = 1.0
_ANSWERING = 0.2

# Statements that were run so often on a connection are planned once, and so many are at most; then
# all of them begin anew.
_PREPARED_FROM = 3
_MOST_PREPARED = 500
# Rows that are adapted at once.
_ADAPTED = 500
_DONE = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)


class Overdue(psycopg.OperationalError):
    """The server did not answer in time; the connection is closed."""


class TimedConnection(psycopg.Connection[tuple[Any, ...]]):
    """A connection that is closed when the server has not answered by its deadline.

    Whoever uses it has somebody `interrupt` it if that is overdue. What is interrupted is given up
    first, and is used by nobody afterwards: a server is asked to cancel whatever a connection runs,
    and that comes late at times.

    Attributes:
        deadline: of the use of now, by the monotonic clock.
        preparing: whether statements that come often are prepared.
        has_warned: whether the server has warned of something since this was last set to false.
    """

    deadline: float = math.inf
    preparing = Preparing(is_on=False)
    has_warned = False
    _is_given_up = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # How often a statement was run, or the name by which the server knows it.
        self._named: dict[tuple[bytes, Sequence[int]], int | bytes] = {}
        self._names = StatementNames()
        self._needed: bytes | None = None
        # Of who ends a use and who gives it up: either of them is first.
        self._using = threading.Lock()
        # Of who cuts it or ends it: else one might cut what has got the same descriptor meanwhile.
        self._ending = threading.Lock()
        self.add_notice_handler(self._hear)

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
        """Whether no transaction is open on the connection."""
        return self.pgconn.transaction_status == TransactionStatus.IDLE

    @property
    def is_overdue(self) -> bool:
        """Whether the connection is used for longer than it may be."""
        return time.monotonic() > self.deadline

    def needed(self) -> bytes:
        """Commands by which a transaction sets what it relies on and is set otherwise here."""
        if self._needed is None:
            self._needed = self.ask(settings.ASK).get_value(0, 0) or b""
        return self._needed

    def end_use(self) -> bool:
        """End the connection's use, so that nobody gives it up; whether it can be used again."""
        with self._using:
            self.deadline = math.inf
            return self.is_idle and not self._is_given_up

    def give_up_if_overdue(self) -> bool:
        """Give it up if its use takes longer than it may, in another thread; whether it does."""
        with self._using:
            self._is_given_up |= self.is_overdue
            return self._is_given_up

    def abandon(self) -> None:
        """Close it, whatever the server is doing; that is told to give up."""
        self.deadline = math.inf
        with suppress(psycopg.Error):
            self.cancel_safe(timeout=_CANCELLING)
        self.close()

    @override
    def close(self) -> None:
        with self._ending:
            self.pgconn.finish()

    def interrupt(self) -> None:
        """Have what waits for the server, in another thread, fail now; the server gives up, too."""
        with self._using:
            self._is_given_up = True
        with self._ending:
            with suppress(psycopg.Error):
                self.cancel_safe(timeout=_CANCELLING)
            with (
                suppress(OSError, psycopg.Error),
                socket.socket(fileno=os.dup(self.fileno())) as same,
            ):
                # That comes in pieces: a warning first, and then that it has committed.
                time.sleep(_ANSWERING)
                same.shutdown(socket.SHUT_RDWR)

    def run(self, commands: bytes) -> bytes:
        """Run commands without parameters, in one message; the server's word for the last."""
        return self.ask(commands).command_status or b""

    def ask(self, commands: bytes) -> PGresult:
        """Run commands as `run` does; what the last of them has found."""
        return self._done(self.pgconn.exec_(commands))

    def call(self, statement: Statement, parameters: Parameters) -> PGresult:
        """Run a statement with its parameters; `Overdue` if there is no answer by the deadline."""
        pgconn, adapting = self.pgconn, Transformer(self)
        values = statement.values(parameters)
        packed: Sequence[Any] = adapting.dump_sequence(values, [PyFormat.AUTO] * len(values))
        types, formats = adapting.types or (), adapting.formats
        name = self._name_of(statement.text, types)
        if name is None:
            sent = pgconn.exec_params(statement.text, packed, types, formats, Format.BINARY)
        else:
            sent = pgconn.exec_prepared(name, packed, formats, Format.BINARY)
        return self._done(sent)

    def _name_of(self, text: bytes, types: Sequence[int]) -> bytes | None:
        """The name of a statement that the server has planned; `None` if it is to be sent."""
        if not self.preparing.is_on:
            return None
        key = (text, types)
        known = self._named.get(key, 0)
        if isinstance(known, bytes):
            return known
        if known < _PREPARED_FROM:
            self._named[key] = known + 1
            return None
        if len(self._named) > _MOST_PREPARED:
            self._done(self.pgconn.exec_(b"DEALLOCATE ALL"))
            self._named.clear()
        name = next(self._names)
        self._done(self.pgconn.prepare(name, text, types))
        self._named[key] = name
        return name

    def _hear(self, said: Diagnostic) -> None:
        self.has_warned |= said.severity_nonlocalized == "WARNING"

    def _done(self, result: PGresult) -> PGresult:
        if result.status in _DONE:
            return result
        if self.is_overdue:
            self.abandon()
            raise Overdue("the database did not answer in time")
        if result.error_field(DiagnosticField.SQLSTATE):
            raise errors.error_from_result(result)
        raise psycopg.OperationalError(result.get_error_message())


class PostgresqlRows(Rows):
    """Rows that a statement has found or changed."""

    def __init__(self, connection: TimedConnection, result: PGresult) -> None:
        self._adapting = Transformer(connection)
        self._adapting.set_pgresult(result)
        self._count = result.ntuples
        self._next = 0
        self._changed = result.command_tuples

    @property
    @override
    def rowcount(self) -> int:
        return self._changed or 0

    @override
    def fetchone(self) -> Any:
        rows = self.fetchmany(1)
        return rows[0] if rows else None

    @override
    def fetchmany(self, size: int) -> list[Any]:
        first, self._next = self._next, min(self._next + size, self._count)
        return self._adapting.load_rows(first, self._next, tuple)

    @override
    def fetchall(self) -> list[Any]:
        return self.fetchmany(self._count)

    @override
    def close(self) -> None:
        self._next = self._count

    @override
    def __iter__(self) -> Iterator[Any]:
        while rows := self.fetchmany(_ADAPTED):
            yield from rows


class PostgresqlConnection(SqlConnection):
    """A connection as functions of one see it.

    Args:
        begin: commands that begin the transaction, sent when there is something to do in it.
    """

    dialect = POSTGRESQL

    def __init__(self, connection: TimedConnection, begin: bytes = b"") -> None:
        self._connection = connection
        self._begin = begin

    @property
    def has_begun(self) -> bool:
        """Whether anything was sent."""
        return not self._begin

    def ask(self, command: bytes) -> Rows:
        """Run a command without parameters: in one message with what begins the transaction."""
        begin, self._begin = self._begin, b""
        return PostgresqlRows(self._connection, self._connection.ask(begin + command))

    @override
    def execute(self, statement: str, parameters: Parameters = (), /) -> Rows:
        connection = self._begun()
        return PostgresqlRows(connection, connection.call(translate(statement), parameters))

    @override
    def execute_together(
        self, statements: Mapping[str, str], parameters: Mapping[str, Any], /
    ) -> Mapping[str, Sequence[Any]]:
        merged = merge(tuple(statements.items()))
        found = self.execute(merged.text, parameters).fetchone()
        return {name: values or () for name, values in zip(merged.returning, found, strict=True)}

    @override
    def executemany(self, statement: str, parameters: Sequence[Parameters], /) -> Rows:
        wanted = translate(statement)
        cursor = RawCursor(self._begun())
        cursor.executemany(wanted.text, [wanted.values(each) for each in parameters])
        return cursor

    def _begun(self) -> TimedConnection:
        if self._begin:
            begin, self._begin = self._begin, b""
            self._connection.run(begin)
        return self._connection

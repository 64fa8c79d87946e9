"""Transactions: what is sent before and after a function of a connection, and what that sees."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Generic

import psycopg
from psycopg import RawCursor
from psycopg.adapt import Transformer
from psycopg.pq.abc import PGresult

from lading.core.typing import T, override
from lading.databases.postgresql.connection import Overdue, TimedConnection
from lading.databases.postgresql.failures import OutcomeUnknown
from lading.databases.postgresql.statements import merge, translate
from lading.ports.database import Dialect, Parameters, Rows, SqlConnection, Work

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

# Rows that are adapted at once.
_ADAPTED = 500

# What must not change meanwhile is locked by statements, row by row: two that do not want the same
# never meet. A server of ours that stands still within a transaction keeps that no longer.
_BEGIN = (
    b"BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = '60s';"
)
# It survives a crash of this process, and may be undone by one of the server.
_NOT_SYNCED = b"SET LOCAL synchronous_commit = off;"
# Long reads have a deadline here: what the role or the database is allowed is for short ones.
_BEGIN_SCAN = (
    b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0;"
    b" SET LOCAL idle_in_transaction_session_timeout = '1h';"
)


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


def write(connection: TimedConnection, work: Work[T], *, durable: bool) -> T:
    """Run a function in a transaction.

    Raises:
        OutcomeUnknown: the server was told to commit, and did not say whether it has, and for good.
        psycopg.Error: nothing was changed.
    """
    begin = _BEGIN + connection.needed() + (b"" if durable else _NOT_SYNCED)
    within = PostgresqlConnection(connection, begin)
    try:
        result = work(within)
    except BaseException:
        if within.has_begun:
            _roll_back(connection)
        raise
    if within.has_begun:
        _commit(connection)
    return result


def write_once(connection: TimedConnection, work: Work[T]) -> T:
    """Run a function of one statement, for which the server makes a transaction by itself.

    Raises:
        OutcomeUnknown: it was done, and may be undone by a failover.
        psycopg.Error: it was not done, or nobody knows.
    """
    if connection.needed():
        return write(connection, work, durable=True)
    connection.has_warned = False
    result = work(PostgresqlConnection(connection))
    _require_kept(connection)
    return result


class Scan(Generic[T]):
    """A function that only reads, to be run on a view of one moment, and ended if need be."""

    def __init__(self, work: Work[T]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._connection: TimedConnection | None = None
        self._is_over = False

    def __call__(self, connection: TimedConnection) -> T:
        """Run the function; `Overdue` if it was ended."""
        self._connection = connection
        if self._is_over:
            raise Overdue("nobody waits for it")
        try:
            return self._run(connection)
        finally:
            with self._lock:  # from now on somebody else may use the connection
                self._connection = None

    def end(self) -> None:
        """Have the function fail, as nobody waits for it; in another thread than it runs in."""
        self._is_over = True
        with self._lock:
            if self._connection is not None:
                self._connection.interrupt()

    def _run(self, connection: TimedConnection) -> T:
        connection.run(_BEGIN_SCAN + connection.needed())
        try:
            return self._work(PostgresqlConnection(connection))
        finally:
            _roll_back(connection)


def _commit(connection: TimedConnection) -> None:
    connection.has_warned = False
    try:
        ended = connection.run(b"COMMIT")
    except psycopg.Error as error:
        if connection.is_idle:  # the server said that it has not
            raise
        raise OutcomeUnknown from error
    if ended != b"COMMIT":
        raise psycopg.InternalError("a statement has failed, and the transaction went on")
    _require_kept(connection)


def _require_kept(connection: TimedConnection) -> None:
    """Require that the server did not only commit, where copies of it are waited for.

    One that is told to give up (an overdue use, an operator) gives up that wait: it has committed,
    says so, and warns that its copies may not have it. A failover to one of them undoes it.
    """
    if connection.has_warned:
        raise OutcomeUnknown


def _roll_back(connection: TimedConnection) -> None:
    """End a transaction without its changes; a connection that cannot is not used again."""
    with suppress(psycopg.Error):
        connection.run(b"ROLLBACK")

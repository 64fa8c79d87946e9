"""Transactions: what is sent before and after a function of a connection."""

from contextlib import suppress

import psycopg

from lading.core.typing import T
from lading.databases.postgresql.connection import PostgresqlConnection, TimedConnection
from lading.databases.postgresql.failures import OutcomeUnknown
from lading.ports.database import Work

# What must not change meanwhile is locked by statements, row by row: two that do not want the same
# never meet. A server of ours that stands still within a transaction keeps that no longer.
_BEGIN = (
    b"BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = '60s'"
)
# It survives a crash of this process, and may be undone by one of the server.
_NOT_SYNCED = b"; SET LOCAL synchronous_commit = off"
_BEGIN_SCAN = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


def write(connection: TimedConnection, work: Work[T], *, durable: bool) -> T:
    """Run a function in a transaction.

    Raises:
        OutcomeUnknown: the server was told to commit, and did not say whether it has.
        psycopg.Error: nothing was changed.
    """
    connection.run(_BEGIN if durable else _BEGIN + _NOT_SYNCED)
    try:
        result = work(PostgresqlConnection(connection))
    except BaseException:
        _roll_back(connection)
        raise
    _commit(connection)
    return result


def scan(connection: TimedConnection, work: Work[T]) -> T:
    """Run a function that only reads, on a view of one moment."""
    connection.run(_BEGIN_SCAN)
    try:
        return work(PostgresqlConnection(connection))
    finally:
        _roll_back(connection)


def _commit(connection: TimedConnection) -> None:
    try:
        ended = connection.execute("COMMIT", prepare=False)
    except psycopg.Error as error:
        if connection.is_idle:  # the server said that it has not
            raise
        raise OutcomeUnknown from error
    if ended.statusmessage != "COMMIT":
        raise psycopg.InternalError("a statement has failed, and the transaction went on")


def _roll_back(connection: TimedConnection) -> None:
    """End a transaction without its changes; a connection that cannot is not used again."""
    with suppress(psycopg.Error):
        connection.run(b"ROLLBACK")

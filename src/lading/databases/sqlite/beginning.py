"""Beginnings of transactions that write, and of a log, while other processes may write."""

import sqlite3
import time

from lading.databases.sqlite.failures import kind_of

# Seconds between tries while another process writes that takes no turns.
BUSY_POLL = 0.0005
# Seconds between tries to switch a new file to its write-ahead log.
SWITCH_POLL = 0.01


def begin(connection: sqlite3.Connection, until: float) -> None:
    """Begin a transaction when no other process writes; the last try is after the time is over.

    SQLite's own wait sleeps longer with every try, up to a tenth of a second, and so gives way to
    whoever comes later.
    """
    _execute_once_free(connection, "BEGIN IMMEDIATE", until, BUSY_POLL)


def use_wal(connection: sqlite3.Connection, until: float) -> None:
    """Switch a database to a write-ahead log, once and for all; as `begin`.

    To switch takes the whole file, and SQLite does not wait for others that do the same.
    """
    _execute_once_free(connection, "PRAGMA journal_mode = WAL", until, SWITCH_POLL)


def _execute_once_free(
    connection: sqlite3.Connection, statement: str, until: float, pause: float
) -> None:
    while True:
        is_last = time.monotonic() > until
        try:
            connection.execute(statement)
        except sqlite3.OperationalError as error:
            if is_last or not is_busy(error):
                raise
            time.sleep(pause)
        else:
            return


def is_busy(error: sqlite3.OperationalError) -> bool:
    """Whether a failure is only that another process writes."""
    return kind_of(error) == sqlite3.SQLITE_BUSY

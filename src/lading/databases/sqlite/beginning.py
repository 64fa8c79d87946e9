"""Beginnings of transactions that write, while other processes may write."""

import sqlite3
import time

from lading.databases.sqlite.failures import kind_of

# Seconds between tries while another process writes that takes no turns.
BUSY_POLL = 0.0005


def begin(connection: sqlite3.Connection, until: float) -> None:
    """Wait until no other process writes; the last try is after the time is over.

    SQLite's own wait sleeps longer with every try, up to a tenth of a second, and so gives way to
    whoever comes later.
    """
    while True:
        is_last = time.monotonic() > until
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if is_last or not is_busy(error):
                raise
            time.sleep(BUSY_POLL)
        else:
            return


def is_busy(error: sqlite3.OperationalError) -> bool:
    """Whether a failure is only that another process writes."""
    return kind_of(error) == sqlite3.SQLITE_BUSY

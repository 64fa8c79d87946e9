"""Checkpoints in a thread of their own: no writer waits while the log is copied into the database.

A writer of SQLite does that by itself, after the commit that makes its log long, and syncs both
files meanwhile; whoever waits for the writer waits for it, too. A passive checkpoint by another
connection holds up nobody (sqlite.org/pragma.html#pragma_wal_checkpoint).
"""

import sqlite3
import threading
from collections.abc import Callable

from lading.core.errors import Unavailable
from lading.databases.sqlite.connection import SqliteConnection
from lading.databases.sqlite.unsynced_log import UnsyncedLog
from lading.system.threads import begin_thread

# Pages of a log of which a writer copies some by itself: 16 MiB, with SQLite's pages. It is as long
# only if the checkpoints are late, or fail.
LONGEST_LOG = 4096
# Writes after which there is enough to copy: their pages are about as many as the 1,000 after which
# SQLite does it. What has a transaction of its own may be so many by itself.
ENOUGH = 128


class Checkpointer:
    """Copies the log into the database, by a connection of its own, when there is enough."""

    def __init__(self, connect: Callable[[], SqliteConnection], log: UnsyncedLog) -> None:
        self._connect = connect
        self._log = log
        self._asked = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._written = 0

    def note(self, writes: int) -> None:
        """So many writes were committed; for the writer's thread."""
        self._written += writes
        if self._written < ENOUGH:
            return
        self._written = 0
        if self._thread is None:
            try:
                self._thread = begin_thread(self._run, "checkpointer")
            except MemoryError:  # what was written is written; the next ones try again
                return
        self._asked.set()

    def close(self) -> None:
        """Finish what was begun, then stop."""
        if self._thread is not None:
            self._closed = True
            self._asked.set()
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        connection: SqliteConnection | None = None
        while self._asked.wait() and not self._closed:
            self._asked.clear()
            try:
                connection = connection or self._connect()
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            except (sqlite3.Error, Unavailable) as error:  # of which the writers tell, too
                self._log.note(error)
        if connection is not None:
            connection.close()

"""The files of an open database: that they stay at their paths, and its log is copied and synced.

SQLite goes on with a file that was deleted, or that another one was put in the place of
(sqlite.org/howtocorrupt.html, 4.2), and all that is written there is gone with its last connection.
So it is with its log and the index of that: who opens the database then makes others beside them.
"""

import logging
import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

from lading.core.errors import Unavailable
from lading.databases.sqlite.connection import SqliteConnection
from lading.ports.database import busy, unusable
from lading.system.threads import begin_thread

log = logging.getLogger(__name__)

# The write-ahead log, and what all processes share of it. They are there as long as a connection is
# open that has read something.
_BESIDE = ("-wal", "-shm")
# Pages of a log of which a writer copies some by itself: 16 MiB, with SQLite's pages. It is as long
# only if the checkpoints are late, or fail.
LONGEST_LOG = 4096
# Writes after which there is enough to copy: their pages are about as many as the 1,000 after which
# SQLite does it. What has a transaction of its own may be so many by itself.
ENOUGH = 128
# Milliseconds to wait for readers, who have to leave a log that is begun anew.
PATIENCE = 1000
_LOST = frozenset({sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC})


class KeptFiles:
    """The files of a database that is open; an `OSError` if one of them is not there."""

    def __init__(self, path: Path) -> None:
        # Texts: of path objects, each commit would ask for them. Where the path is that of a link,
        # SQLite has the others beside the file itself.
        real = os.path.realpath(path)
        names = (os.fspath(path), *(f"{real}{ending}" for ending in _BESIDE))
        self._files = [(name, _identity(name)) for name in names]

    def require(self) -> None:
        """Raise `Unavailable` if one of the files is gone, or another one is in its place."""
        for path, file in self._files:
            if not _is_there(path, file):
                log.error(
                    "a file of the database was deleted or replaced while the registry runs, so"
                    " nothing is written: put it back, or start the registry again: %s",
                    path,
                )
                raise unusable()


def _is_there(path: str, file: tuple[int, int]) -> bool:
    try:
        return _identity(path) == file
    except OSError:
        return False


def _identity(path: str) -> tuple[int, int]:
    status = os.stat(path)  # noqa: PTH116 - see above
    return status.st_dev, status.st_ino


class WriteAheadLog:
    """The log of a database, copied into it by a thread of its own when there is enough.

    A writer of SQLite does that by itself, after the commit that makes its log long, and syncs both
    files meanwhile; whoever waits for the writer waits for it, too. A passive checkpoint by another
    connection holds up nobody (sqlite.org/pragma.html#pragma_wal_checkpoint).

    After a sync of the log has failed, what is in it may be in memory alone. The kernel reports
    that once; what it could not write counts as written from then on. A later sync would succeed,
    and what was acknowledged then would be behind a hole: after a power cut SQLite reads its log up
    to there. So all of it is copied into the database, and the log begun anew, before the next
    commit. Every worker is told by a sync of its own, as each has opened the file before.
    """

    def __init__(self, connect: Callable[[], SqliteConnection]) -> None:
        self._connect = connect
        self._asked = threading.Event()
        self._closed = self._is_unsynced = False
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

    def note_failure(self, error: BaseException) -> None:
        """Something has failed; perhaps a sync."""
        if isinstance(error, sqlite3.DatabaseError):
            self._is_unsynced |= getattr(error, "sqlite_errorcode", 0) in _LOST

    def mend(self, connection: SqliteConnection) -> None:
        """Begin the log anew, if need be; for the writer, before a commit.

        Raises:
            sqlite3.DatabaseError: it fails again.
            Unavailable: somebody reads the log.
        """
        if not self._is_unsynced:
            return
        self._is_unsynced = False  # first: a checkpoint in another thread may fail meanwhile
        try:
            _begin_anew(connection)
        except BaseException:
            self._is_unsynced = True
            raise

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
                self.note_failure(error)
        if connection is not None:
            connection.close()


def _begin_anew(connection: SqliteConnection) -> None:
    connection.execute(f"PRAGMA busy_timeout = {PATIENCE}")
    try:
        (is_busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.execute("PRAGMA busy_timeout = 0")
    if is_busy:
        raise busy()

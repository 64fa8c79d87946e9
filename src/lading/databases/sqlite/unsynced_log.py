"""The write-ahead log after a sync of it has failed: what is in it may be in memory alone.

The kernel reports that once; what it could not write counts as written from then on. A later sync
would succeed, and what was acknowledged then would be behind a hole: after a power cut SQLite reads
its log up to there. So all of it is copied into the database, and the log begun anew, before the
next commit. Every worker is told by a sync of its own, as each has opened the file before.
"""

import sqlite3

from lading.databases.sqlite.connection import SqliteConnection
from lading.ports.database import busy

_LOST = frozenset({sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC})
# Milliseconds to wait for readers, who have to leave the log.
PATIENCE = 1000


class UnsyncedLog:
    """Whether a sync has failed, and what there is to do then."""

    def __init__(self) -> None:
        self._is_unsynced = False

    def note(self, error: BaseException) -> None:
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


def _begin_anew(connection: SqliteConnection) -> None:
    connection.execute(f"PRAGMA busy_timeout = {PATIENCE}")
    try:
        (is_busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.execute("PRAGMA busy_timeout = 0")
    if is_busy:
        raise busy()

"""Locks that keep the processes of one database apart; each is gone when its process is.

Who has the database open has a lock for that: putting another one in its place would damage both,
and SQLite's own locks do not tell, as they are held in transactions only.

Who writes has a turn for it first. SQLite admits one writer at a time and tells nobody when it has
ended, so that who waits looks again and again, and comes too late if another process begins before.
The kernel wakes who waits for a lock at once. Nothing depends on it: who does not get it, as its
owner hangs, or writes without it, waits for SQLite's own lock as ever.
"""

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from lading.databases.sqlite.connection import kind_of
from lading.ports.database import CannotOpen
from lading.system.lock_files import open_lock_file, try_lock
from lading.system.threads import begin_thread

# Seconds after which a turn does not come: no transaction takes as long, only who hangs.
PATIENCE = 0.25
# Seconds between tries while another process writes that takes no turns.
BUSY_POLL = 0.0005
# Seconds between tries to switch a new file to its write-ahead log.
SWITCH_POLL = 0.01


class DatabaseInUse(CannotOpen):
    """Somebody has the database open; the message says what to do."""


@contextmanager
def having_open(database: Path, *, alone: bool = False) -> Iterator[None]:
    """Have a database open for the length of a block, among others who do or `alone`.

    Raises:
        DatabaseInUse: who has it open does not let that be.
    """
    descriptor = open_lock_file(database.with_name(f"{database.name}.lock"))
    try:
        if not try_lock(descriptor, fcntl.LOCK_EX if alone else fcntl.LOCK_SH):
            raise DatabaseInUse(
                "the registry is in use; stop the server, and other commands, first"
                if alone
                else "a backup is being restored; try again when that is done"
            )
        yield
    finally:
        os.close(descriptor)


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


class Turn:
    """The turn of this process, for the length of a block: the lock of a file beside the database.

    It is nobody else's: whoever has another lock there for a while, as of a small file that is
    replaced, keeps no write waiting.
    """

    def __init__(self, database: Path) -> None:
        self._descriptor = open_lock_file(database.with_name(f"{database.name}.turn"))
        self._waiter = _Waiter(self._descriptor)
        self._is_ours = False

    def __enter__(self) -> Self:
        """Wait for it, though not for ever; one thread at a time."""
        try:
            at_once = self._waiter.has_stopped and try_lock(self._descriptor)
            self._is_ours = at_once or self._waiter.wait(PATIENCE)
        except (OSError, MemoryError):  # there are no locks here; or there is no thread to wait
            self._is_ours = False
        return self

    def __exit__(self, *_: object) -> None:
        """Let others have theirs."""
        if self._is_ours:
            with suppress(OSError):  # what was done is done
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Take no more turns."""
        if self._waiter.close():
            os.close(self._descriptor)


class _Waiter:
    """A thread that waits for a lock: the kernel knows no end to that, and whoever asks does."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._thread: threading.Thread | None = None
        self._mutex = threading.Lock()
        self._is_wanted = self._is_closed = False
        self.has_stopped = True
        # Locks that one thread has and another gives back: what a semaphore is, without its price.
        self._asked, self._got = threading.Lock(), threading.Lock()
        self._asked.acquire()
        self._got.acquire()

    def wait(self, seconds: float) -> bool:
        """Wait for the lock, by a thread if there is one; whether this process has it now."""
        self._thread = self._thread or begin_thread(self._run, "metadata-turn")
        with self._mutex:
            self._is_wanted = True
            if self.has_stopped:
                self.has_stopped = False
                self._asked.release()
        if self._got.acquire(timeout=seconds):
            return True
        with self._mutex:
            self._is_wanted = False
            return self._got.acquire(blocking=False)  # it came between

    def close(self) -> bool:
        """End the thread; false if it still waits, and goes with its process."""
        with self._mutex:
            if not self.has_stopped:
                return False
            self._is_closed = True
        self._asked.release()
        if self._thread is not None:
            self._thread.join()
        return True

    def _run(self) -> None:
        while self._asked.acquire() and not self._is_closed:
            with suppress(OSError):  # as before
                fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            with self._mutex:
                if self._is_wanted:
                    self._is_wanted = False
                    self._got.release()
                else:  # who wanted it has given up
                    with suppress(OSError):
                        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
                # Last: whoever sees it takes the lock, which would be given back here.
                self.has_stopped = True

"""The one writer of a process: a thread that puts many writes into one commit.

SQLite admits one writer at a time, and a commit costs an fsync whatever is in it. So requests hand
their writes, as functions, to a thread; what has queued up while it was committing goes into its
next transaction. Each function runs in its own savepoint, unless it is alone: one that fails
leaves no trace and disturbs no other. A write is answered only after the commit that holds it.

A long write is alone in its transaction. It lets one turn of short ones pass, then has its own:
a short one waits for one long one at most, however many there are, and a long one is not forgotten.
Between two long ones other processes, which look from time to time, find their turn.
"""

import sqlite3
import threading
import time
import traceback
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

from lading.core.typing import T
from lading.databases.sqlite.connection import SqliteConnection
from lading.databases.sqlite.locks import BUSY_POLL, begin, is_busy
from lading.databases.sqlite.open_files import ENOUGH, LONGEST_LOG, WriteAheadLog
from lading.system.threads import Pending, begin_thread

Work = Callable[[SqliteConnection], T]

# Enough to share one fsync among all pushes of a busy moment; small enough that no write waits long
# for the work of others.
MAX_BATCH = 64
# Seconds between a long write and the next, in which whoever looks that often has looked.
PAUSE = 2 * BUSY_POLL

NO_TURN = nullcontext()


@dataclass(slots=True)
class _Job:
    work: Work[Any]
    durable: bool
    alone: bool
    until: float
    done: Pending[Any] = field(default_factory=Pending)
    result: Any = None
    error: BaseException | None = None


class GroupWriter:
    """Runs functions in transactions, one transaction for many functions.

    Args:
        patience: seconds that a write waits for writers of other processes, its time in the queue
            behind others that wait for them included.
        turn: what to have while writing.
        require_kept: raises an error if what was committed will not be kept.
        explain: an error that says more of a failure, or the same.
    """

    def __init__(
        self,
        connect: Callable[[], SqliteConnection],
        *,
        patience: float = 1.0,
        turn: AbstractContextManager[object] = NO_TURN,
        require_kept: Callable[[], None] = lambda: None,
        explain: Callable[[Exception], Exception] = lambda error: error,
    ) -> None:
        self._connect = connect
        self._patience = patience
        self._turn = turn
        self._require_kept = require_kept
        self._explain = explain
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        # What was taken from the queue; and whether the next long one has let short ones pass.
        self._short: deque[_Job] = deque()
        self._long: deque[_Job] = deque()
        self._has_waited = False
        self._paused_until = 0.0
        self._ended = False
        self._syncs: bool | None = None
        self._log = WriteAheadLog(connect)

    async def write(self, work: Work[T], *, durable: bool = True, alone: bool = False) -> T:
        """Run `work` in a transaction, in the writer's thread, as `Database.write` says."""
        if self._thread is None:
            self._thread = begin_thread(self._run, "metadata-writer")
        job = _Job(work, durable, alone, time.monotonic() + self._patience)
        self._queue.put(job)
        result: T = await job.done
        return result

    def close(self) -> None:
        """Finish what is queued, then stop."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread, self._ended = None, False
        self._log.close()

    def _run(self) -> None:
        """Run groups; what fails is the answer of those who wait, the next get a new connection."""
        connection: SqliteConnection | None = None
        while batch := self._next_batch():
            try:
                connection = connection or self._open()
                with self._turn:
                    self._log.mend(connection)
                    self._commit_together(connection, batch)
                self._require_kept()
                self._log.note(ENOUGH if batch[0].alone else len(batch))
            except Exception as error:  # noqa: BLE001 - it is handed to those who wait
                self._log.note_failure(error)
                explained = self._explain(error) if batch else error
                for job in batch:
                    job.error = explained
                _close(connection)
                connection = self._syncs = None
            if batch[0].alone:
                self._paused_until = time.monotonic() + PAUSE
            _answer_all(batch)
        _close(connection)

    def _open(self) -> SqliteConnection:
        connection = self._connect()
        connection.execute("PRAGMA busy_timeout = 0")  # see `begin`
        connection.execute(f"PRAGMA wal_autocheckpoint = {LONGEST_LOG}")
        return connection

    def _commit_together(self, connection: SqliteConnection, batch: list[_Job]) -> None:
        """Run all jobs in one transaction; if that fails, none has happened."""
        durable = any(job.durable for job in batch)
        if durable is not self._syncs:
            # In WAL mode FULL syncs the log at each commit; NORMAL leaves that to a later one.
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._syncs = durable
        try:
            begin(connection, batch[0].until)
        except sqlite3.OperationalError as error:
            if is_busy(error):
                self._put_back(batch)
            raise
        if durable and not batch[0].alone:  # good for all that has come meanwhile
            self._take_queued()
            self._fill(batch)
        if len(batch) == 1:  # what fails undoes the transaction
            _run(connection, batch[0])
            connection.execute("COMMIT" if batch[0].error is None else "ROLLBACK")
            return
        for job in batch:
            _attempt(connection, job)
        connection.execute("COMMIT")

    def _put_back(self, batch: list[_Job]) -> None:
        """Leave in a batch those who have waited long enough; who has waited longest is next."""
        self._take_queued()
        now = time.monotonic()
        self._short.extendleft(job for job in reversed(batch) if job.until >= now)
        batch[:] = [job for job in batch if job.until < now]
        both = self._long and self._short
        self._has_waited = bool(both and self._long[0].until < self._short[0].until)

    def _next_batch(self) -> list[_Job]:
        """Wait for jobs, and take those whose turn it is; empty at the end."""
        while not (self._short or self._long or self._ended):
            self._sort(self._queue.get())
        self._take_queued()
        if self._long and not self._short:
            self._pause()
        if self._long and (self._has_waited or not self._short):
            self._has_waited = False
            return [self._long.popleft()]
        self._has_waited = bool(self._long)
        batch: list[_Job] = []
        self._fill(batch)
        return batch

    def _pause(self) -> None:
        """Begin no long one at once after another, unless a short one comes before."""
        with suppress(Empty):
            while not self._short and (left := self._paused_until - time.monotonic()) > 0:
                self._sort(self._queue.get(timeout=left))

    def _fill(self, batch: list[_Job]) -> None:
        while self._short and len(batch) < MAX_BATCH:
            batch.append(self._short.popleft())

    def _take_queued(self) -> None:
        while not self._queue.empty():  # nobody else takes any
            self._sort(self._queue.get_nowait())

    def _sort(self, job: _Job | None) -> None:
        if job is None:
            self._ended = True
        else:
            (self._long if job.alone else self._short).append(job)


def _attempt(connection: SqliteConnection, job: _Job) -> None:
    connection.execute("SAVEPOINT job")
    _run(connection, job)
    if job.error is not None:
        connection.execute("ROLLBACK TO job")
    connection.execute("RELEASE job")


def _run(connection: SqliteConnection, job: _Job) -> None:
    try:
        job.result = job.work(connection)
    except Exception as error:
        if not connection.in_transaction:  # a full disk has undone the whole transaction
            raise
        # The error knows the frames it came through, and these the rows they were reading. Rows
        # that are not read to their end keep an old view of the database open, and from that no
        # transaction can begin once another process has written.
        traceback.clear_frames(error.__traceback__)
        job.error = error


def _answer_all(batch: list[_Job]) -> None:
    """Wake each event loop once, however many wait there."""
    waiting: dict[AbstractEventLoop, list[_Job]] = {}
    for job in batch:
        waiting.setdefault(job.done.get_loop(), []).append(job)
    for loop, jobs in waiting.items():
        with suppress(RuntimeError):  # it is closed: nobody waits there any more
            loop.call_soon_threadsafe(_answer, jobs)


def _answer(jobs: list[_Job]) -> None:
    for job in jobs:
        if job.error is not None:
            job.done.set_exception(job.error)
        else:
            job.done.set_result(job.result)


def _close(connection: SqliteConnection | None) -> None:
    """Let go of a connection, which undoes what it has not committed."""
    if connection is not None:
        with suppress(sqlite3.Error):
            connection.close()

"""The log is copied into the database, and by no writer."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lading.databases.sqlite import connection as sqlite
from lading.databases.sqlite.connection import SqliteConnection
from lading.databases.sqlite.open_files import ENOUGH, WriteAheadLog
from lading.databases.sqlite.writer import GroupWriter

LARGE = 8 * 1024 * 1024

Connect = Callable[[], SqliteConnection]


class Statements:
    """What was run, by thread."""

    def __init__(self) -> None:
        self.by_thread: list[tuple[str, str]] = []

    def note(self, statement: str) -> None:
        self.by_thread.append((threading.current_thread().name, statement))

    def threads_of(self, words: str) -> set[str]:
        """The threads that ran a statement with these words."""
        return {thread for thread, statement in self.by_thread if words in statement}


@pytest.fixture
def statements() -> Statements:
    return Statements()


@pytest.fixture
def connect(tmp_path: Path, statements: Statements) -> Connect:
    """Connect to a database of one table, `t`."""

    def connect() -> SqliteConnection:
        connection = sqlite.connect(tmp_path / "db")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.set_trace_callback(statements.note)
        return connection

    with closing(connect()) as connection:
        connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, data BLOB)")
    return connect


@pytest.fixture
def writer(connect: Connect) -> Iterator[GroupWriter]:
    writer = GroupWriter(connect)
    yield writer
    writer.close()


@pytest.fixture
def keeper(connect: Connect) -> Iterator[SqliteConnection]:
    """A connection that keeps the log there."""
    with closing(connect()) as connection:
        yield connection


def insert(connection: SqliteConnection) -> None:
    """Make a row with many pages."""
    connection.execute("INSERT INTO t (data) VALUES (zeroblob(?))", (LARGE,))


@pytest.mark.usefixtures("keeper")
async def test_a_long_write_is_copied_by_another_thread(
    writer: GroupWriter, statements: Statements, tmp_path: Path
) -> None:
    """Also twice as much as SQLite would leave in the log."""
    await writer.write(insert, alone=True)

    wait_until(lambda: (tmp_path / "db").stat().st_size > LARGE)
    assert statements.threads_of("wal_checkpoint") == {"checkpointer"}


async def test_the_writer_copies_nothing(
    connect: Connect, keeper: SqliteConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WriteAheadLog, "note", lambda *_: None)
    with closing(GroupWriter(connect)) as writer:
        await writer.write(insert, alone=True)
        assert (tmp_path / "db").stat().st_size < LARGE
        assert keeper.execute("SELECT length(data) FROM t").fetchall() == [(LARGE,)]
        # But if nobody else does, it does so before the log is much longer.
        await writer.write(insert, alone=True)
        assert (tmp_path / "db").stat().st_size > LARGE


async def test_many_short_writes_are_copied_too(
    writer: GroupWriter, statements: Statements
) -> None:
    for _ in range(ENOUGH - 1):
        await writer.write(lambda connection: connection.execute("INSERT INTO t DEFAULT VALUES"))
    assert statements.threads_of("wal_checkpoint") == set()
    await writer.write(lambda connection: connection.execute("INSERT INTO t DEFAULT VALUES"))
    wait_until(lambda: statements.threads_of("wal_checkpoint") == {"checkpointer"})


def test_a_checkpoint_that_fails_is_tried_again(connect: Connect, statements: Statements) -> None:
    failures = [sqlite3.OperationalError("unable to open database file")]

    def fail_once() -> SqliteConnection:
        if failures:
            raise failures.pop()
        return connect()

    with closing(WriteAheadLog(fail_once)) as log:
        log.note(ENOUGH)
        wait_until(lambda: not failures)
        log.note(ENOUGH)
        wait_until(lambda: statements.threads_of("wal_checkpoint") == {"checkpointer"})


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)

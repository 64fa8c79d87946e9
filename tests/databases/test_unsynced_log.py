"""A log whose sync has failed is begun anew before anything else is acknowledged."""

import asyncio
import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lading.core.errors import StorageFull, Unavailable
from lading.databases.sqlite.connection import SqliteConnection
from lading.databases.sqlite.file import FileDatabase
from lading.databases.sqlite.open_files import ENOUGH, WriteAheadLog
from lading.databases.sqlite.writer import GroupWriter
from lading.ports.database import SqlConnection
from tests.databases.test_writer import insert


class Disk:
    """A database of one table, `t`, on a disk whose syncs can fail.

    Attributes:
        fails_at: the statement whose sync fails.
        statements: of all connections.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fails_at = ""
        self.statements: list[str] = []
        with closing(self.connect()) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)")

    def connect(self) -> SqliteConnection:
        disk = self

        class Connection(SqliteConnection):
            def execute(self, sql: str, *args: object) -> sqlite3.Cursor:
                disk.statements.append(sql)
                if sql == disk.fails_at:
                    error = sqlite3.OperationalError("disk I/O error")
                    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
                    error.sqlite_errorname = "SQLITE_IOERR_FSYNC"
                    raise error
                return super().execute(sql, *args)  # type: ignore[arg-type]

        return sqlite3.connect(self.path, isolation_level=None, factory=Connection)

    def rows(self) -> list[int]:
        """What another process sees."""
        with closing(self.connect()) as connection:
            return [n for (n,) in connection.execute("SELECT n FROM t ORDER BY n")]


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    """A disk that is well."""
    return Disk(tmp_path / "db")


@pytest.fixture
def writer(disk: Disk) -> Iterator[GroupWriter]:
    """A writer to its database, which another one has open as well."""
    writer = GroupWriter(disk.connect)
    with closing(disk.connect()) as other:
        other.execute("SELECT * FROM t").fetchall()
        yield writer
        writer.close()


async def fail(disk: Disk, writer: GroupWriter) -> None:
    """Let the sync of a commit fail, after one that was only in memory."""
    await writer.write(insert(1), durable=False)
    disk.fails_at = "COMMIT"
    with pytest.raises(sqlite3.OperationalError):
        await writer.write(insert(2))
    disk.fails_at = ""
    disk.statements.clear()


async def test_the_log_is_copied_before_the_next_commit(disk: Disk, writer: GroupWriter) -> None:
    await fail(disk, writer)
    await writer.write(insert(3))
    copied = disk.statements.index("PRAGMA wal_checkpoint(TRUNCATE)")
    assert copied < disk.statements.index("BEGIN IMMEDIATE")
    assert disk.rows() == [1, 3]
    await writer.write(insert(4))
    assert disk.statements.count("PRAGMA wal_checkpoint(TRUNCATE)") == 1


async def test_nothing_is_acknowledged_while_somebody_reads_the_log(
    disk: Disk, writer: GroupWriter
) -> None:
    await fail(disk, writer)
    with closing(disk.connect()) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM t").fetchall()
        with pytest.raises(Unavailable):
            await writer.write(insert(3))
        assert disk.rows() == [1]
    await writer.write(insert(4))
    assert disk.rows() == [1, 4]


async def test_nothing_is_acknowledged_while_the_disk_fails(
    disk: Disk, writer: GroupWriter
) -> None:
    await fail(disk, writer)
    disk.fails_at = "PRAGMA wal_checkpoint(TRUNCATE)"
    with pytest.raises(sqlite3.OperationalError):
        await writer.write(insert(3))
    disk.fails_at = ""
    await writer.write(insert(4))
    assert disk.rows() == [1, 4]


async def test_a_checkpoint_may_be_who_is_told(disk: Disk, writer: GroupWriter) -> None:
    """It syncs the log, too, and the kernel tells one of two that have opened it at a time."""
    disk.fails_at = "PRAGMA wal_checkpoint(PASSIVE)"
    for number in range(ENOUGH):
        await writer.write(insert(number))
    async with asyncio.timeout(30):
        while disk.fails_at not in disk.statements:
            await asyncio.sleep(0.005)
        disk.fails_at = ""
        while "PRAGMA wal_checkpoint(TRUNCATE)" not in disk.statements:  # it is told soon
            number += 1
            await writer.write(insert(number))


def test_what_fails_while_the_log_is_begun_anew_is_not_forgotten(disk: Disk) -> None:
    """As a checkpoint in another thread may."""
    log = WriteAheadLog(disk.connect)
    failure = sqlite3.OperationalError("disk I/O error")
    failure.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    log.note_failure(failure)

    class Connection(SqliteConnection):
        def execute(self, sql: str, *args: object) -> sqlite3.Cursor:
            if "TRUNCATE" in sql and "PRAGMA wal_checkpoint(TRUNCATE)" not in disk.statements:
                log.note_failure(failure)
            disk.statements.append(sql)
            return super().execute(sql, *args)  # type: ignore[arg-type]

    with closing(sqlite3.connect(disk.path, isolation_level=None, factory=Connection)) as opened:
        for _ in range(3):
            log.mend(opened)
    assert disk.statements.count("PRAGMA wal_checkpoint(TRUNCATE)") == 2


@pytest.mark.parametrize(
    ("error", "told", "said"),
    [
        (errno.EDQUOT, StorageFull, "raise the quota"),
        (errno.EROFS, Unavailable, "mount it to be written to"),
    ],
)
async def test_why_the_database_cannot_be_written_is_found_out(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: int,
    told: type[Exception],
    said: str,
) -> None:
    """SQLite knows no quotas, and has one word for all."""
    database = FileDatabase(tmp_path / "db")

    def work(connection: SqlConnection) -> None:
        connection.execute("ROLLBACK")  # as SQLite does then
        failure = sqlite3.OperationalError("disk I/O error")
        failure.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
        failure.sqlite_errorname = "SQLITE_IOERR_WRITE"
        raise failure

    def allocate(*_: int) -> None:
        raise OSError(error, os.strerror(error))

    with monkeypatch.context() as broken:
        broken.setattr(os, "posix_fallocate", allocate)
        with pytest.raises(told):
            await database.write(work)
    assert said in caplog.text
    database.close()

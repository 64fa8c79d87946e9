"""Restoring a backup, beside what a crash has left of another database."""

import os
import shutil
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from lading.databases.schema import STEPS
from lading.databases.sqlite.backups import restore
from lading.databases.sqlite.connection import connect
from lading.databases.sqlite.file import FileDatabase
from lading.metadata.collecting.kept_bytes import begin_restored
from lading.ports.database import SqlConnection, UnusableBackup
from tests.support.rows import by_alice

MANY = 2000


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A backup of a large registry."""
    return make_backup(tmp_path, "old", MANY)


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """A backup of a small one."""
    return make_backup(tmp_path, "new", 1)


def make_backup(directory: Path, name: str, repositories: int) -> Path:
    path = directory / name / "database"
    FileDatabase(path).close()
    copy = directory / f"{name}.backup"
    with closing(connect(path)) as connection:
        rows = [(f"{name}/{number}",) for number in range(repositories)]
        connection.executemany("INSERT INTO repositories (name) VALUES (?)", rows)
        connection.copy_to(copy)
    return copy


def leave_journal(path: Path, of: Path) -> None:
    """Leave what a process leaves that is killed while it changes a copy of a database."""
    shutil.copyfile(of, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")  # as if all of it was synced
        connection.execute("BEGIN")
        connection.execute("UPDATE repositories SET name = name || '-changed'")
        journal = path.with_name(f"{path.name}-journal")
        left = journal.read_bytes()
        connection.execute("ROLLBACK")
    journal.write_bytes(left)


def nothing(_: SqlConnection) -> None:
    """Leave the copy as it is."""


def repositories_in(database: Path) -> list[str]:
    with closing(connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [name for (name,) in connection.execute("SELECT name FROM repositories")]


def test_a_restore_that_was_killed_does_no_harm_to_that_of_another_backup(
    tmp_path: Path, old: Path, new: Path
) -> None:
    database = tmp_path / "root" / "database"
    database.parent.mkdir()
    leave_journal(database.with_name("database.arriving"), old)

    restore(database, new, aside=tmp_path / "aside", force=False, settle=nothing)

    assert repositories_in(database) == ["new/0"]
    assert {path.name for path in database.parent.iterdir()} == {"database", "database.lock"}


def test_a_backup_of_an_older_version_is_of_the_newest_when_it_is_settled(tmp_path: Path) -> None:
    """What is taken out of it may be in tables that it did not have."""
    copy, database = tmp_path / "copy", tmp_path / "database"
    with closing(connect(copy)) as connection:
        connection.executescript(STEPS[0])
        connection.execute("PRAGMA user_version = 1")

    settle = partial(begin_restored, change=by_alice())
    restore(database, copy, aside=tmp_path / "aside", force=False, settle=settle)

    assert repositories_in(database) == []


def test_what_is_left_of_a_database_that_is_lost_does_no_harm_to_the_one_in_its_place(
    tmp_path: Path, old: Path, new: Path
) -> None:
    database = tmp_path / "root" / "database"
    database.parent.mkdir()
    leave_journal(database, old)
    database.unlink()

    restore(database, new, aside=tmp_path / "root" / "aside", force=False, settle=nothing)

    assert repositories_in(database) == ["new/0"]
    assert (tmp_path / "root" / "aside-journal").exists()


def test_a_copy_that_was_made_beside_a_server_is_no_backup(tmp_path: Path, old: Path) -> None:
    """What was pushed last is in the log that is beside it, and would be lost."""
    server = FileDatabase(tmp_path / "server" / "database")
    copied = tmp_path / "copied"
    shutil.copytree(tmp_path / "server", copied)
    server.close()
    database = tmp_path / "root" / "database"

    with pytest.raises(UnusableBackup, match="database-wal"):
        restore(database, copied / "database", aside=tmp_path / "a", force=True, settle=nothing)

    assert not database.exists()


def test_a_pipe_is_no_backup(tmp_path: Path) -> None:
    """Nobody waits for who may write to it."""
    pipe = tmp_path / "metadata.sqlite3"
    os.mkfifo(pipe)
    with pytest.raises(UnusableBackup, match="is no file"):
        restore(tmp_path / "root/database", pipe, aside=tmp_path / "a", force=True, settle=nothing)

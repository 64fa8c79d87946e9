"""Backups of a database: read without touching them, and put in the place of a database.

At every moment one of the two is there, whole: the backup is copied beside the database and synced,
and gets its name by one rename. What it replaces is kept under another name.
"""

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from lading.databases.schema import STEPS
from lading.databases.sqlite.connection import SqliteConnection, connect, opening
from lading.databases.sqlite.locks import having_open
from lading.databases.sqlite.read_only import has_nothing, holds_bytes
from lading.ports.database import NotEmpty, UnusableBackup, Work
from lading.system.durable import make_directories, sync_directory

# What SQLite has beside a database, and takes for that of whichever one has the name.
_BESIDE = ("-wal", "-shm", "-journal")


def open_copy(path: Path) -> SqliteConnection:
    """A copy, for reading. `immutable`: nobody writes to it, and no file is made beside it."""
    return connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)


def restore(database: Path, backup: Path, *, aside: Path, force: bool, settle: Work[None]) -> bool:
    """Put a copy of a backup where the database is.

    Args:
        aside: the name under which a database that is replaced is kept.
        force: whether to replace one that is not empty.
        settle: takes out of the copy, of the newest schema by then, what holds for the registry
            that was backed up only.

    Returns:
        Whether something was put aside.

    Raises:
        UnusableBackup: nothing was changed.
        NotEmpty: there is something, and `force` was not given; nothing was changed.
        DatabaseInUse: somebody has the database open; nothing was changed.
    """
    _check(backup)
    make_directories(database.parent)
    with having_open(database, alone=True):
        occupied = database.exists() and not has_nothing(database)
        if occupied and not force:
            raise NotEmpty
        arriving = database.with_name(f"{database.name}.arriving")
        try:
            _prepare(backup, arriving, settle)
            _retire(database, aside)
            arriving.replace(database)
        finally:
            arriving.unlink(missing_ok=True)
        sync_directory(database.parent)
    return aside.exists()


def _check(backup: Path) -> None:
    _require_finished(backup)
    try:
        with closing(open_copy(backup)) as connection:
            version = connection.version()
            (complaint,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            connection.execute("SELECT 1 FROM repositories LIMIT 1")
    except sqlite3.Error as error:
        raise UnusableBackup(f"{backup} cannot be read as a backup: {error}") from error
    if not 0 < version <= len(STEPS):
        raise UnusableBackup(f"{backup} was written by a newer version of lading; run that one")
    if complaint != "ok":
        raise UnusableBackup(f"{backup} is damaged: {complaint}")


def _require_finished(backup: Path) -> None:
    """Refuse files of a database that was copied with its log beside it, which has a part of it."""
    if backup.exists() and not backup.is_file():  # a pipe, say, which would be waited for
        raise UnusableBackup(f"{backup} is no file")
    for suffix in ("-wal", "-journal"):
        log = backup.with_name(backup.name + suffix)
        if holds_bytes(log):
            raise UnusableBackup(
                f"{backup} is no backup that `lading backup` made: what {log.name} holds is missing"
                " in it; put the two where the database was, or make it whole"
                f" (`sqlite3 {backup} 'PRAGMA journal_mode = DELETE'`)"
            )


def _prepare(backup: Path, arriving: Path, settle: Work[None]) -> None:
    for suffix in _BESIDE:  # of another backup, as a crash has left it
        arriving.with_name(arriving.name + suffix).unlink(missing_ok=True)
    shutil.copyfile(backup, arriving)
    with opening(arriving.parent), closing(connect(arriving)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.migrate()
        settle(connection)
    with arriving.open("rb") as file:
        os.fsync(file.fileno())


def _retire(database: Path, aside: Path) -> None:
    """Give a database another name as well, with all that is in its log.

    If it is too damaged to take in its log, or is lost but for it, the log goes with it: the next
    database must not find one that is not its own.
    """
    if holds_bytes(database):
        with suppress(sqlite3.Error), closing(connect(database)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
    if database.exists():
        aside.hardlink_to(database)
    for suffix in _BESIDE:
        path = database.with_name(database.name + suffix)
        if path.exists():
            path.replace(aside.with_name(aside.name + suffix))
    sync_directory(database.parent)

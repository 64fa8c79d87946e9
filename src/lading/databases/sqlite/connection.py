"""Connections to SQLite: Python's own, in the registry's words, as are their failures."""

import errno
import logging
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lading.core.digest import Digest
from lading.core.errors import RegistryError, StorageFull
from lading.core.names import RepositoryName, Tag, UploadKey
from lading.databases.schema import STEPS, pending
from lading.ports.database import COUNTED, MAX_COMPLAINTS, DatabaseDamaged, Dialect, busy, unusable
from lading.system.disk_errors import advised, find_failure, is_full

log = logging.getLogger(__name__)

SQLITE = Dialect(
    now="(julianday('now') - 2440587.5) * 86400.0",
    schema_version="SELECT user_version FROM pragma_user_version",
    takes_changes="SELECT 1",
    all_names="group_concat(name)",
    go_on_numbering="",
)

# Of a subclass of text Python's module first asks how it is to be adapted; where nothing is said it
# makes, and drops, two exceptions for each value of each statement.
for _text in (Digest, RepositoryName, Tag, UploadKey):
    sqlite3.register_adapter(_text, str)

_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_ADVICE: Mapping[int, str] = {
    sqlite3.SQLITE_IOERR: "; the kernel's log (`dmesg`) may say why",
    sqlite3.SQLITE_READONLY: "; its files, or their disk, cannot be written to",
    sqlite3.SQLITE_CANTOPEN: "; too many files may be open, or its files another user's",
    **dict.fromkeys(_DAMAGED, "; `lading verify` says what is, `lading restore-backup` mends it"),
}
# What comes of a disk that is full or cannot be written to, and of other things.
_UNWRITTEN = frozenset({*_ADVICE, sqlite3.SQLITE_FULL}) - _DAMAGED
# The low byte is the error, the others say more about it (sqlite.org/rescode.html).
_PRIMARY = 0xFF


class SqliteConnection(sqlite3.Connection):
    """A connection to SQLite."""

    dialect = SQLITE

    def execute_together(
        self, statements: Mapping[str, str], parameters: Mapping[str, Any], /
    ) -> Mapping[str, Sequence[Any]]:
        """Run statements one after the other: there is no journey to save."""
        returned: dict[str, Sequence[Any]] = {}
        for name, statement in statements.items():
            rows = self.execute(statement, parameters)
            if rows.description is not None:
                returned[name] = [value for (value,) in rows]
            elif statement.endswith(COUNTED):
                returned[name] = range(rows.rowcount)
        return returned

    def version(self) -> int:
        """The number of steps that have built the tables."""
        (version,) = self.execute("PRAGMA user_version").fetchone()
        return int(version)

    def migrate(self) -> None:
        """Bring the database to the newest schema, unless it is newer; many may do so at once."""
        if not pending(self.version()):  # it may be locked, or the disk full
            return
        self.execute("BEGIN IMMEDIATE")
        try:
            for statement in pending(self.version()):
                self.execute(statement)
            self.execute(f"PRAGMA user_version = {len(STEPS)}")
            self.execute("COMMIT")
        except BaseException:
            if self.in_transaction:  # a full disk ends it
                self.execute("ROLLBACK")
            raise

    def check(self, *, thorough: bool) -> Sequence[str]:
        """The complaints of SQLite about its file, in its own words."""
        pragma = "integrity_check" if thorough else "quick_check"
        try:
            rows = self.execute(f"PRAGMA {pragma}({MAX_COMPLAINTS})").fetchall()
            broken = self.execute("PRAGMA foreign_key_check").fetchmany(MAX_COMPLAINTS)
        except sqlite3.DatabaseError as error:
            return [str(error)]
        said = [text for (text,) in rows if text != "ok"]
        return said + [f"a row of {table} refers to no row of {of}" for table, _, of, _ in broken]

    def copy_to(self, target: Path) -> None:
        """Copy the database as it is at this moment into a new file, on disk when this returns."""
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        self.execute("VACUUM INTO ?", (str(target),))
        with target.open("rb") as file:
            os.fsync(file.fileno())


def connect(database: Path | str, *, timeout: float = 5.0, uri: bool = False) -> SqliteConnection:
    """Open a database; a transaction begins where the program says so."""
    return sqlite3.connect(
        database, timeout=timeout, isolation_level=None, factory=SqliteConnection, uri=uri
    )


class translating_failures:  # noqa: N801 - a context, as those of contextlib are
    """Turns failures of the database into errors that a client can be told, see `translate`."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        mistake = isinstance(error, sqlite3.IntegrityError)  # of this program
        if isinstance(error, sqlite3.DatabaseError) and not mistake:
            raise translate(error) from error


def translate(error: sqlite3.DatabaseError) -> RegistryError:
    """The error that a client can be told of a failure.

    Returns:
        `StorageFull`, or `Unavailable` if the database is busy for too long, cannot be read or
        written, or is damaged.
    """
    kind = kind_of(error)
    if kind == sqlite3.SQLITE_FULL or _code(error) == sqlite3.SQLITE_IOERR_SHMSIZE:
        log.warning("the disk of the database is full: free some space (`lading du`)")
        return StorageFull()
    if kind in _BUSY:
        return busy()
    name = getattr(error, "sqlite_errorname", "")
    named = f"{error} ({name})" if name else error
    log.error("the database fails: %s%s", named, _ADVICE.get(kind, ""))
    return unusable()


def explained(directory: Path, error: Exception) -> Exception:
    """The error that tells most: SQLite knows no quotas, and a try beside its files does."""
    if not isinstance(error, sqlite3.DatabaseError) or kind_of(error) != sqlite3.SQLITE_IOERR:
        return error
    failure = find_failure(directory)
    if failure is None:
        return error
    log.error("nothing can be written beside the database: %s", advised(failure))
    return StorageFull() if is_full(failure) else error


@contextmanager
def opening(directory: Path) -> Iterator[None]:
    """Turn failures to open a database into errors that a person can be told.

    Args:
        directory: where its files are. What cannot be written SQLite tells without the reason.

    Raises:
        DatabaseDamaged: it is damaged.
        OSError: it cannot be opened for another reason.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        if kind_of(error) in _DAMAGED:
            raise DatabaseDamaged(str(error)) from error
        failure = find_failure(directory) if kind_of(error) in _UNWRITTEN else None
        code = [errno.ENOSPC] if kind_of(error) == sqlite3.SQLITE_FULL else []
        raise failure or OSError(*code, str(error)) from error


def kind_of(error: sqlite3.DatabaseError) -> int:
    """The kind of a failure; 0 for one that is not SQLite's."""
    return _code(error) & _PRIMARY


def _code(error: sqlite3.DatabaseError) -> int:
    return int(getattr(error, "sqlite_errorcode", 0))

"""Failures of SQLite, in the registry's words."""

import errno
import logging
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lading.core.errors import RegistryError, StorageFull
from lading.ports.database import DatabaseDamaged, busy, unusable
from lading.system.disk_errors import advised, find_failure, is_full

log = logging.getLogger(__name__)

_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
# What comes of a disk that is full or cannot be written to, and of other things.
_UNWRITTEN = frozenset(
    {
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
    }
)
_ADVICE: Mapping[int, str] = {
    sqlite3.SQLITE_IOERR: "; the kernel's log (`dmesg`) may say why",
    sqlite3.SQLITE_READONLY: "; its files, or their disk, cannot be written to",
    sqlite3.SQLITE_CANTOPEN: "; too many files may be open, or its files another user's",
    **dict.fromkeys(_DAMAGED, "; `lading verify` says what is, `lading restore-backup` mends it"),
}
# The low byte is the error, the others say more about it (sqlite.org/rescode.html).
_PRIMARY = 0xFF


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
    log.error("the database fails: %s%s%s", error, _named(error), _ADVICE.get(kind, ""))
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


def _named(error: sqlite3.DatabaseError) -> str:
    name = getattr(error, "sqlite_errorname", "")
    return f" ({name})" if name else ""


def _code(error: sqlite3.DatabaseError) -> int:
    return int(getattr(error, "sqlite_errorcode", 0))

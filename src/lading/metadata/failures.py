"""What SQLite says when it fails, in the registry's words."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from lading.core.errors import RegistryError, StorageFull, Unavailable

log = logging.getLogger(__name__)

_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
# The low byte is the error, the others say more about it (sqlite.org/rescode.html).
_PRIMARY = 0xFF


@contextmanager
def translated() -> Iterator[None]:
    """Turn failures of the database into errors that a client can be told.

    Raises:
        StorageFull, Unavailable: see `translate`.
    """
    try:
        yield
    except sqlite3.IntegrityError:
        raise  # a mistake in this program
    except sqlite3.DatabaseError as error:
        raise translate(error) from error


def translate(error: sqlite3.DatabaseError) -> RegistryError:
    """What a client can be told of a failure.

    Returns:
        `StorageFull`, or `Unavailable` if the database is busy for too long, cannot be read or
        written, or is damaged.
    """
    code = _code(error) & _PRIMARY
    if code == sqlite3.SQLITE_FULL or _code(error) == sqlite3.SQLITE_IOERR_SHMSIZE:
        return StorageFull()
    if code in _BUSY:
        return Unavailable("the database is busy; try again")
    log.error("the database fails: %s", error)
    return Unavailable("the database cannot be used; the registry's log says why")


def _code(error: sqlite3.DatabaseError) -> int:
    return int(getattr(error, "sqlite_errorcode", 0))

"""Failures of PostgreSQL: which pass by themselves, and all of them in the registry's words."""

import logging
import re
from collections.abc import Mapping

import psycopg
from psycopg import errors

from lading.core.errors import RegistryError, StorageFull, Unavailable
from lading.databases.postgresql.connection import Overdue
from lading.ports.database import CannotOpen, busy, unusable
from lading.ports.measures import Count

log = logging.getLogger(__name__)

# Two writers have met, and this one was undone; or it wanted to add what the other has added, or to
# refer to what the other has removed, and has to look again. Each as it is counted, and with the
# times that a transaction is run, after which it is this program that is wrong.
_MET: Mapping[type[psycopg.Error], tuple[Count, int]] = {
    errors.SerializationFailure: (Count.REPEATED_AFTER_SERIALIZATION, 30),
    errors.DeadlockDetected: (Count.REPEATED_AFTER_DEADLOCK, 30),
    errors.UniqueViolation: (Count.REPEATED_AFTER_CONFLICT, 8),
    errors.ForeignKeyViolation: (Count.REPEATED_AFTER_CONFLICT, 8),
}
# The server goes down or comes up, or is a copy of one that did, or has had enough of who was idle:
# another connection finds it. What stands before it, as PgBouncer does, ends a connection with a
# protocol violation when it has lost its own to the server.
_ELSEWHERE = (
    errors.AdminShutdown,
    errors.CrashShutdown,
    errors.CannotConnectNow,
    errors.ConnectionException,
    errors.ConnectionDoesNotExist,
    errors.ConnectionFailure,
    errors.ProtocolViolation,
    errors.IdleSessionTimeout,
    errors.TransactionTimeout,
    errors.IdleInTransactionSessionTimeout,
    errors.ReadOnlySqlTransaction,
    errors.TooManyConnections,
)
_BUSY = (
    errors.SerializationFailure,
    errors.DeadlockDetected,
    Overdue,
    errors.LockNotAvailable,
    errors.QueryCanceled,
    errors.TooManyConnections,
)


# A connection that fails has no code, only words, perhaps of another language: then it is
# tried again for a while, as if the server was not there.
_REFUSED = re.compile(
    r"password authentication failed|no password supplied|no pg_hba\.conf entry"
    r'|(?:role|database) "[^"]*" does not exist'
)


class OutcomeUnknown(Exception):
    """The connection was lost between the word to commit and the word that it was done."""


def is_lost(error: psycopg.Error) -> bool:
    """Whether the connection, or the server, is gone: another connection may work."""
    if isinstance(error, _ELSEWHERE):
        return True
    without_answer = isinstance(error, psycopg.OperationalError) and error.sqlstate is None
    return without_answer and not isinstance(error, Overdue) and not _is_refused(str(error))


def _is_refused(said: str) -> bool:
    """Whether each server that was asked for a connection has refused who asks."""
    asked = said.count("connection to server ")
    return 0 < asked <= len(_REFUSED.findall(said))


def why_again(error: psycopg.Error, tries: int) -> Count | None:
    """The cause for which a transaction is run again after so many tries; `None` if it is not."""
    cause, most = _MET.get(type(error), (None, 0))
    if cause is None and is_lost(error):
        return Count.REPEATED_AFTER_LOST_CONNECTION
    return cause if tries < most else None


def words_of(error: BaseException) -> str:
    """What a failure says of itself, for a log or a person: one line."""
    return " ".join(str(error).split())


def translate(error: BaseException) -> RegistryError | None:
    """The error that a client can be told of a failure; `None` if it is none of the database.

    Returns:
        `StorageFull`, or `Unavailable` if the database is busy for too long, cannot be reached, or
        cannot do what it is told. A row that cannot be is a mistake of this program, and passes.
    """
    if isinstance(error, OutcomeUnknown):
        log.warning("the database was lost while it committed a change")
        return Unavailable("the database was lost while it made the change; look, or try again")
    if isinstance(error, CannotOpen):  # since it was opened
        log.error("the database cannot be connected to: %s", error)
        return unusable()
    if not isinstance(error, psycopg.Error) or isinstance(error, psycopg.IntegrityError):
        return None
    if isinstance(error, errors.DiskFull):
        return StorageFull()
    if isinstance(error, _BUSY):
        return busy()
    log.error("the database fails: %s", words_of(error))
    return unusable()

"""Preparing: whether statements that come often are planned once, and under which names.

PgBouncer in transaction mode has the statements of one client run on connections that others have
used. Before its version 1.21 it knows nothing of those that were prepared: one that is asked for by
its name is not there, or is somebody else's. So no name is used by two connections, and the first
that is not there ends it.
"""

import itertools
import logging
import secrets
from dataclasses import dataclass

from psycopg import errors

log = logging.getLogger(__name__)

_UNPREPARED = (errors.InvalidSqlStatementName, errors.DuplicatePreparedStatement)


@dataclass(slots=True)
class Preparing:
    """Whether connections to a server prepare statements."""

    is_on: bool

    def give_up_after(self, error: BaseException) -> bool:
        """Whether a statement was not there that was prepared; then nobody prepares any more."""
        if not isinstance(error, _UNPREPARED):
            return False
        if self.is_on:
            log.warning(
                "what lies before PostgreSQL knows no prepared statements, as PgBouncer before its"
                " version 1.21: none are prepared any more; say so from the start"
                " (database.postgresql.preparedstatements: false)"
            )
        self.is_on = False
        return True


class StatementNames:
    """Names for the statements of a connection, which no other connection uses."""

    def __init__(self) -> None:
        self._prefix = f"lading_{secrets.token_hex(8)}"
        self._numbers = itertools.count()

    def __next__(self) -> bytes:
        return f"{self._prefix}_{next(self._numbers)}".encode()

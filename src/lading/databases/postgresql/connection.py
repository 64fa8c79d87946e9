"""A connection to PostgreSQL that waits no longer than it was told.

Statements are sent by calls of libpq that wait by themselves. psycopg's own cursors wait in several
steps, between which a thread has to get hold of the interpreter each time: with four threads that
took 80 microseconds of processor a statement, and this takes 15.
"""

import math
import os
import secrets
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import errors
from psycopg.abc import PQGen
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import Diagnostic
from psycopg.pq import DiagnosticField, ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGresult

from lading.core.typing import T, override
from lading.databases.postgresql.statements import Preparing, Statement
from lading.ports.database import Parameters

# Seconds for which a server is asked to give up what nobody waits for any more; and for which its
# answer to that is waited for, as it may say that it was done all the same.
_CANCELLING = 1.0
_ANSWERING = 0.2

# Statements that were run so often on a connection are planned once, and so many are at most; then
# all of them begin anew.
_PREPARED_FROM = 3
_MOST_PREPARED = 500

# Settings that transactions rely on: what does not fit, and what fits. An operator may have set
# others for all who connect: for a role, a database, or the server. Which do not fit, a connection
# asks once, and its transactions then begin by setting these for themselves. That works behind
# PgBouncer as well, where nothing else is a session's own. Others are in every transaction's
# beginning (`transactions`, `migration`, `locks`) or sent when a connection is made (`server`). All
# else may be set: values go as they are, and not as text, so that no format of dates or numbers
# comes into it; and what a role is allowed, it is allowed.
_NEEDED = (
    # Else nobody hears that a commit may not have come to the copies of the server.
    ("client_min_messages", "IN ('error', 'fatal', 'panic')", "warning"),
    # What is acknowledged is to be there after a crash of the server. Who asks for less than its
    # copies (`local`) does so on purpose, and who asks for more gets more.
    ("synchronous_commit", "= 'off'", "on"),
    # From PostgreSQL 17 on: what may take longer has a deadline here.
    ("transaction_timeout", "<> '0'", "0"),
)

ASK_UNFIT = "SELECT concat({})".format(
    ", ".join(
        f"CASE WHEN current_setting('{name}', true) {unfit}"
        f" THEN 'SET LOCAL {name} = ''{fit}'';' END"
        for name, unfit, fit in _NEEDED
    )
).encode()

_DONE = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)


class Overdue(psycopg.OperationalError):
    """The server did not answer in time; the connection is closed."""


class TimedConnection(psycopg.Connection[tuple[Any, ...]]):
    """A connection that is closed when the server has not answered by its deadline.

    Whoever uses it has somebody `interrupt` it if that is overdue. What is interrupted is given up
    first, and is used by nobody afterwards: a server is asked to cancel whatever a connection runs,
    and that comes late at times.

    Attributes:
        deadline: of the use of now, by the monotonic clock.
        preparing: whether statements that come often are prepared.
        has_warned: whether the server has warned of something since this was last set to false.
    """

    deadline: float = math.inf
    preparing = Preparing(is_on=False)
    has_warned = False
    _is_given_up = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # How often a statement was run, or the name by which the server knows it.
        self._named: dict[tuple[bytes, Sequence[int]], int | bytes] = {}
        self._needed: bytes | None = None
        # Of who ends a use and who gives it up: either of them is first.
        self._using = threading.Lock()
        # Of who cuts it or ends it: else one might cut what has got the same descriptor meanwhile.
        self._ending = threading.Lock()
        self.add_notice_handler(self._hear)

    @override
    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        if self.deadline == math.inf:
            return super().wait(gen, interval, timeout)
        left = self.deadline - time.monotonic()
        try:
            return super().wait(gen, interval, max(left, 0.001))
        except psycopg.OperationalError as error:
            if time.monotonic() < self.deadline:
                raise
            self.abandon()
            raise Overdue("the database did not answer in time") from error

    @property
    def is_idle(self) -> bool:
        """Whether no transaction is open on the connection."""
        return self.pgconn.transaction_status == TransactionStatus.IDLE

    @property
    def is_overdue(self) -> bool:
        """Whether the connection is used for longer than it may be."""
        return time.monotonic() > self.deadline

    def needed(self) -> bytes:
        """Commands by which a transaction sets what it relies on and is set otherwise here."""
        if self._needed is None:
            self._needed = self.ask(ASK_UNFIT).get_value(0, 0) or b""
        return self._needed

    def end_use(self) -> bool:
        """End the connection's use, so that nobody gives it up; whether it can be used again."""
        with self._using:
            self.deadline = math.inf
            return self.is_idle and not self._is_given_up

    def give_up_if_overdue(self) -> bool:
        """Give it up if its use takes longer than it may, in another thread; whether it does."""
        with self._using:
            self._is_given_up |= self.is_overdue
            return self._is_given_up

    def abandon(self) -> None:
        """Close it, whatever the server is doing; that is told to give up."""
        self.deadline = math.inf
        with suppress(psycopg.Error):
            self.cancel_safe(timeout=_CANCELLING)
        self.close()

    @override
    def close(self) -> None:
        with self._ending:
            self.pgconn.finish()

    def interrupt(self) -> None:
        """Have what waits for the server, in another thread, fail now; the server gives up, too."""
        with self._using:
            self._is_given_up = True
        with self._ending:
            with suppress(psycopg.Error):
                self.cancel_safe(timeout=_CANCELLING)
            with (
                suppress(OSError, psycopg.Error),
                socket.socket(fileno=os.dup(self.fileno())) as same,
            ):
                # That comes in pieces: a warning first, and then that it has committed.
                time.sleep(_ANSWERING)
                same.shutdown(socket.SHUT_RDWR)

    def run(self, commands: bytes) -> bytes:
        """Run commands without parameters, in one message; the server's word for the last."""
        return self.ask(commands).command_status or b""

    def ask(self, commands: bytes) -> PGresult:
        """Run commands as `run` does; what the last of them has found."""
        return self._done(self.pgconn.exec_(commands))

    def call(self, statement: Statement, parameters: Parameters) -> PGresult:
        """Run a statement with its parameters; `Overdue` if there is no answer by the deadline."""
        pgconn, adapting = self.pgconn, Transformer(self)
        values = statement.values(parameters)
        packed: Sequence[Any] = adapting.dump_sequence(values, [PyFormat.AUTO] * len(values))
        types, formats = adapting.types or (), adapting.formats
        name = self._name_of(statement.text, types)
        if name is None:
            sent = pgconn.exec_params(statement.text, packed, types, formats, Format.BINARY)
        else:
            sent = pgconn.exec_prepared(name, packed, formats, Format.BINARY)
        return self._done(sent)

    def _name_of(self, text: bytes, types: Sequence[int]) -> bytes | None:
        """The name of a statement that the server has planned; `None` if it is to be sent."""
        if not self.preparing.is_on:
            return None
        key = (text, types)
        known = self._named.get(key, 0)
        if isinstance(known, bytes):
            return known
        if known < _PREPARED_FROM:
            self._named[key] = known + 1
            return None
        if len(self._named) > _MOST_PREPARED:
            self._done(self.pgconn.exec_(b"DEALLOCATE ALL"))
            self._named.clear()
        name = f"lading_{secrets.token_hex(8)}".encode()  # which no other connection uses
        self._done(self.pgconn.prepare(name, text, types))
        self._named[key] = name
        return name

    def _hear(self, said: Diagnostic) -> None:
        self.has_warned |= said.severity_nonlocalized == "WARNING"

    def _done(self, result: PGresult) -> PGresult:
        if result.status in _DONE:
            return result
        if self.is_overdue:
            self.abandon()
            raise Overdue("the database did not answer in time")
        if result.error_field(DiagnosticField.SQLSTATE):
            raise errors.error_from_result(result)
        raise psycopg.OperationalError(result.get_error_message())

"""The adapter of locks in PostgreSQL: advisory locks of transactions, against all replicas.

An open transaction holds them, on a connection of its own; that works through PgBouncer, too. It
ends with its process, or with the connection: who finds at the end that it was lost meanwhile is
told, as others may have had the lock then. Connections are asynchronous: waiting takes no thread.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus

from lading.core.digest import Digest
from lading.core.errors import Unavailable
from lading.core.typing import override
from lading.databases.postgresql import failures
from lading.databases.postgresql.server import Server
from lading.databases.postgresql.transactions import PostgresqlConnection
from lading.ports.blobs import Locks
from lading.ports.database import SqlConnection, Work, busy
from lading.ports.measures import UNMEASURED, Level, Measures, Timing

Connection = AsyncConnection[tuple[Any, ...]]
Found = Sequence[tuple[Any, ...]]

# Locks that one process holds or waits for at the same time.
MOST = 8
# Seconds between tries to connect; and by which the server ends a wait before this does.
_PAUSE = 0.1
_SLACK = 0.5
# A process that stands still keeps its locks no longer; to hash the largest blobs may take it.
_BEGIN = "BEGIN; SET LOCAL idle_in_transaction_session_timeout = '1h'; SET LOCAL lock_timeout = "
# Those from this version on may be told by a role how long a transaction may take.
_KNOWS_LONGEST = 170000
_BEGIN_ON_THESE = _BEGIN.replace("BEGIN;", "BEGIN; SET LOCAL transaction_timeout = 0;")


class DatabaseLocks(Locks):
    """Locks in a database of a server, whose `timeout` is how long one is waited for."""

    def __init__(self, server: Server, measures: Measures = UNMEASURED) -> None:
        self._server = server
        self._measures = measures
        self._turns = asyncio.Semaphore(MOST)
        self._idle: list[Connection] = []

    @override
    @asynccontextmanager
    async def lock(self, digest: Digest) -> AsyncIterator[None]:
        async with self._locked(f"SELECT pg_advisory_xact_lock({_key(digest)})"):
            yield

    @override
    @asynccontextmanager
    async def lock_free(self, digests: Sequence[Digest]) -> AsyncIterator[Sequence[Digest]]:
        keys = ",".join({str(_key(digest)) for digest in digests})
        command = (
            f"SELECT key FROM unnest('{{{keys}}}'::bigint[]) AS key"
            " WHERE pg_try_advisory_xact_lock(key)"
        )
        async with self._locked(command) as rows:
            locked = {key for (key,) in rows}
            yield [digest for digest in digests if _key(digest) in locked]

    @override
    def lock_by_rows(self, digest: Digest) -> Work[bool]:
        return partial(_try_lock, key=_key(digest))

    def close(self) -> None:
        """Close the connections that nobody uses."""
        for connection in self._idle:
            connection.pgconn.finish()
        self._idle.clear()

    @asynccontextmanager
    async def _locked(self, command: str) -> AsyncIterator[Found]:
        """The length of a transaction that begins with a command; yields what that has found.

        Raises:
            Unavailable: the lock was not free for too long, or it was lost.
        """
        begun_at = time.monotonic()
        deadline = begun_at + self._server.timeout
        async with self._turn():
            connection, rows = await self._begin(command, deadline)
            self._measures.observe(Timing.LOCK_WAIT, time.monotonic() - begun_at)
            try:
                yield rows
            except BaseException:
                await self._end(connection)
                raise
            if not await self._end(connection):
                raise Unavailable("the database was lost while it held a lock; try again")

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            await asyncio.wait_for(self._turns.acquire(), self._server.timeout)
        except TimeoutError as error:
            raise Unavailable("too much is locked at the same time; try again") from error
        self._measures.change(Level.LOCK_CONNECTIONS_USED, 1)
        try:
            yield
        finally:
            self._measures.change(Level.LOCK_CONNECTIONS_USED, -1)
            self._turns.release()

    async def _begin(self, command: str, deadline: float) -> tuple[Connection, Found]:
        """Run a command at the beginning of a transaction, on another connection if one is lost."""
        while True:
            left = deadline - time.monotonic()
            try:
                async with asyncio.timeout(left + _SLACK):
                    return await self._try(f"{max(1, int(left * 1000))}; {command}", left)
            except (psycopg.Error, TimeoutError) as error:
                lost = isinstance(error, TimeoutError) or failures.is_lost(error)
                if lost:
                    self.close()  # those that nobody uses are lost with it
                if not lost or time.monotonic() + _PAUSE > deadline:
                    raise failures.translate(error) or busy() from error
            await asyncio.sleep(_PAUSE)

    async def _try(self, commands: str, seconds: float) -> tuple[Connection, Found]:
        connection = self._idle.pop() if self._idle else await self._connect(seconds)
        begin = _BEGIN
        if connection.info.server_version >= _KNOWS_LONGEST:
            begin = _BEGIN_ON_THESE
        try:
            cursor = await connection.execute(f"{begin}{commands}".encode())
            while cursor.nextset():
                pass
            return connection, await cursor.fetchall()
        except BaseException:
            connection.pgconn.finish()
            raise

    async def _connect(self, seconds: float) -> Connection:
        connection = await AsyncConnection.connect(
            **self._server.parameters(seconds), autocommit=True, prepare_threshold=None
        )
        self._server.hosts.answered(connection.info.host, connection.info.port)
        return connection

    async def _end(self, connection: Connection) -> bool:
        """Give back what is locked; whether it was locked until now."""
        try:
            with suppress(psycopg.Error, TimeoutError):
                async with asyncio.timeout(self._server.timeout):
                    await connection.execute(b"COMMIT")
        except BaseException:  # cancelled, too: with its connection, the lock is gone
            connection.pgconn.finish()
            raise
        if connection.pgconn.transaction_status != TransactionStatus.IDLE:
            connection.pgconn.finish()
            return False
        self._idle.append(connection)
        return True


def _try_lock(connection: SqlConnection, key: int) -> bool:
    assert isinstance(connection, PostgresqlConnection)  # these locks are in no other database
    row = connection.ask(b"SELECT pg_try_advisory_xact_lock(%d)" % key).fetchone()
    return bool(row[0])


def _key(digest: Digest) -> int:
    """The number that stands for a digest: two that share one wait for each other."""
    return int.from_bytes(bytes.fromhex(digest.hex[:16]), signed=True)

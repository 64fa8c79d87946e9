"""The database in PostgreSQL: functions of a connection, run in threads.

`psycopg` is as quick in threads as on the event loop, and functions of a connection are the same
for all databases. What may take long has threads and connections of its own, so that short reads
and writes never wait for it.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import psycopg

from lading.core.errors import Unsupported
from lading.core.typing import P, T, override
from lading.databases.postgresql import failures, migration, transactions
from lading.databases.postgresql.connection import TimedConnection
from lading.databases.postgresql.failures import OutcomeUnknown
from lading.databases.postgresql.server import Server
from lading.databases.postgresql.sessions import Sessions
from lading.databases.postgresql.transactions import PostgresqlConnection
from lading.ports.database import MAX_COMPLAINTS, Database, Function, SqlConnection, Work
from lading.ports.measures import UNMEASURED, Count, Level, Measures, Timing
from lading.system.threads import Lane, Threads

# Long reads at the same time, and how many seconds one may take.
SCANNERS = 4
SCAN_TIMEOUT = 3600.0

# What PostgreSQL knows to be wrong with what it keeps.
_INVALID = """
    SELECT indexrelid::regclass::text FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE NOT indisvalid AND relnamespace = current_schema()::regnamespace ORDER BY 1 LIMIT ?
"""
_CHECKSUMS = """
    SELECT coalesce(checksum_failures, 0) FROM pg_stat_database WHERE datname = current_database()
"""
_AMCHECK = "SELECT 1 FROM pg_extension WHERE extname = 'amcheck'"
_INDEXES = """
    SELECT indexrelid::regclass::text FROM pg_index
    JOIN pg_class ON pg_class.oid = indexrelid JOIN pg_am ON pg_am.oid = relam
    WHERE amname = 'btree' AND indisvalid AND relnamespace = current_schema()::regnamespace
"""


class PostgresqlDatabase(Database):
    """A database of PostgreSQL, which many processes and machines may share.

    Args:
        size: how many short reads and writes go on at the same time.
        begin: what to do, before anybody can ask, if nothing was ever pushed.
        measures: what is told how it goes.
    """

    is_elsewhere = True

    def __init__(
        self,
        server: Server,
        size: int = 8,
        begin: Work[None] | None = None,
        measures: Measures = UNMEASURED,
    ) -> None:
        self._timeout = server.timeout
        self._measures = measures
        self._sessions = Sessions(server, measures)
        migration.open_with(self._sessions, self._timeout, begin)
        self._threads = Threads(size, "postgresql")
        # Writes wait for each other's rows, and for a server that takes changes. Reads do not, so
        # some threads are left to them.
        most = size - max(1, size // 4)
        self._writers = Lane(self._threads, most) if most else self._threads
        self._scanners = Threads(SCANNERS, "postgresql-scan")

    @override
    async def read(self, work: Function[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        def attempt(connection: TimedConnection) -> T:
            return work(PostgresqlConnection(connection), *args, **kwargs)

        return await self._start(self._threads, attempt)

    @override
    async def write(self, work: Work[T], *, durable: bool = True, alone: bool = False) -> T:
        attempt = partial(transactions.write, work=work, durable=durable)
        return await self._start(self._writers, attempt)

    @override
    async def write_once(self, work: Work[T], *, durable: bool = False) -> T:
        return await self._start(self._writers, partial(transactions.write_once, work=work))

    @override
    async def scan(self, work: Work[T]) -> T:
        scan = transactions.Scan(work)
        scanning = asyncio.ensure_future(self._start(self._scanners, scan, SCAN_TIMEOUT))
        try:
            return await asyncio.shield(scanning)
        except asyncio.CancelledError:  # it changes nothing, and may take long: it need not go on
            scanning.add_done_callback(lambda ended: ended.exception())
            await self._threads.start(scan.end)
            await asyncio.wait([scanning])
            raise

    @override
    async def check(self, *, thorough: bool) -> Sequence[str]:
        return await self.scan(partial(_complaints, thorough=thorough))

    @override
    async def copy_to(self, target: Path) -> None:
        raise Unsupported("PostgreSQL is copied by its own programs: pg_dump, or a base backup")

    @override
    def close(self) -> None:
        self._threads.close()
        self._scanners.close()
        self._sessions.close()

    async def _start(
        self,
        threads: Threads | Lane,
        attempt: Callable[[TimedConnection], T],
        seconds: float = 0.0,
    ) -> T:
        """Call a function with a connection in a thread; see `Sessions.run`."""
        self._measures.change(Level.CONNECTIONS_AWAITED, 1)
        try:
            pending = threads.start(self._call, attempt, time.monotonic(), seconds)
        except MemoryError:  # there is no thread, so it waits no more
            self._measures.change(Level.CONNECTIONS_AWAITED, -1)
            raise
        try:
            return await pending
        except Exception as error:
            if (translation := failures.translate(error)) is None:
                raise
            raise translation from error

    def _call(self, attempt: Callable[[TimedConnection], T], queued_at: float, seconds: float) -> T:
        self._measures.change(Level.CONNECTIONS_AWAITED, -1)
        self._measures.observe(Timing.CONNECTION_WAIT, time.monotonic() - queued_at)
        self._measures.change(Level.CONNECTIONS_USED, 1)
        try:
            return self._sessions.run(attempt, queued_at + self._timeout, seconds=seconds)
        except OutcomeUnknown:
            self._measures.count(Count.COMMITS_UNKNOWN)
            raise
        finally:
            self._measures.change(Level.CONNECTIONS_USED, -1)


def _complaints(connection: SqlConnection, *, thorough: bool) -> Sequence[str]:
    """The complaints of PostgreSQL; a thorough check reads indexes, if there is `amcheck`."""
    rows = connection.execute(_INVALID, (MAX_COMPLAINTS,)).fetchall()
    found = [f"the index {name} is not valid: REINDEX it" for (name,) in rows]
    (failed,) = connection.execute(_CHECKSUMS).fetchone()
    if failed:
        found.append(f"{failed} pages had wrong checksums (pg_stat_database.checksum_failures)")
    return [*found, *(_damaged_indexes(connection) if thorough else ())]


def _damaged_indexes(connection: SqlConnection) -> Iterator[str]:
    """The first index that is not what its table says, read as a whole."""
    if connection.execute(_AMCHECK).fetchone() is None:
        return
    for (name,) in connection.execute(_INDEXES).fetchall():
        try:
            connection.execute("SELECT bt_index_check(?::text::regclass, true)", (name,))
        except psycopg.InternalError as error:  # it ends the transaction, and with it the check
            yield str(error)
            return

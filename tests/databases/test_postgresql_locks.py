"""Locks in PostgreSQL: what becomes of them when their connection is lost, or many are wanted."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from psycopg import AsyncConnection

from lading.core.digest import Digest
from lading.core.errors import Unavailable
from lading.core.typing import override
from lading.databases.postgresql.locks import MOST, DatabaseLocks
from lading.databases.postgresql.server import Server
from lading.ports.measures import Timing, Unmeasured
from tests.support.postgresql import PostgreSQL, running_postgresql

pytestmark = pytest.mark.e2e

DIGEST = Digest.of(b"locked")
END_ALL = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE application_name = 'lading' AND pid <> pg_backend_pid()"
)


@pytest.fixture
async def locks(postgresql: PostgreSQL) -> AsyncIterator[DatabaseLocks]:
    """Locks that are waited for for two seconds."""
    locks = DatabaseLocks(Server(postgresql.url(), timeout=2.0))
    yield locks
    locks.close()


async def lose(locks: DatabaseLocks, postgresql: PostgreSQL, failure: Exception | None) -> None:
    """Lose a lock while it is held, and perhaps fail after that."""
    async with locks.lock(DIGEST):
        postgresql.ask(END_ALL)
        if failure is not None:
            raise failure


async def test_who_has_lost_a_lock_is_told(locks: DatabaseLocks, postgresql: PostgreSQL) -> None:
    """As another one may have had it then; the next one gets it."""
    with pytest.raises(Unavailable, match="lost while it held a lock"):
        await lose(locks, postgresql, None)
    async with locks.lock(DIGEST):
        pass


async def test_a_failure_under_a_lock_that_was_lost_is_the_failure(
    locks: DatabaseLocks, postgresql: PostgreSQL
) -> None:
    with pytest.raises(KeyError):
        await lose(locks, postgresql, KeyError())


async def test_connections_that_were_lost_while_idle_disturb_nobody(
    locks: DatabaseLocks, postgresql: PostgreSQL
) -> None:
    async with locks.lock(DIGEST):
        pass
    postgresql.ask(END_ALL)
    async with locks.lock(DIGEST):
        pass


async def test_connections_that_do_not_answer_any_more_disturb_one() -> None:
    """Who is the first to wait in vain has none of the others tried."""
    with running_postgresql() as own_server:
        locks = DatabaseLocks(Server(own_server.url(), timeout=2.0))
        async with AsyncExitStack() as stack:
            for number in range(3):
                await stack.enter_async_context(locks.lock(Digest.of(b"%d" % number)))
        own_server.freeze_sessions("lading")
        with pytest.raises(Unavailable):
            async with locks.lock(DIGEST):
                pytest.fail("nobody said that it has it")
        async with locks.lock(DIGEST):
            pass
        locks.close()


async def test_a_lock_is_waited_for_for_a_time(
    locks: DatabaseLocks, postgresql: PostgreSQL
) -> None:
    """Be it somebody else's, or that there are too many."""
    others = DatabaseLocks(Server(postgresql.url()))
    begun = time.monotonic()
    async with others.lock(DIGEST):
        with pytest.raises(Unavailable):
            async with locks.lock(DIGEST):
                pytest.fail("two have it")
    async with AsyncExitStack() as stack:
        for number in range(MOST):
            await stack.enter_async_context(locks.lock(Digest.of(b"%d" % number)))
        with pytest.raises(Unavailable, match="too much is locked"):
            async with locks.lock(DIGEST):
                pytest.fail("there is no connection for it")
    async with locks.lock(DIGEST):
        pass
    others.close()
    assert time.monotonic() - begun < 30


class Waits(Unmeasured):
    """How long was waited for locks, in seconds."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    @override
    def observe(self, what: Timing, seconds: float) -> None:
        assert what is Timing.LOCK_WAIT
        self.seconds.append(seconds)


async def test_who_watches_is_told_how_long_a_lock_was_waited_for(postgresql: PostgreSQL) -> None:
    waits = Waits()
    locks = DatabaseLocks(Server(postgresql.url()), waits)
    for _ in range(2):
        async with locks.lock(DIGEST):
            pass
    locks.close()

    assert len(waits.seconds) == 2
    assert all(0 <= seconds < 10 for seconds in waits.seconds)


async def test_who_is_cancelled_while_it_gives_a_lock_back_does_not_keep_it(
    locks: DatabaseLocks, postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor a connection, which nobody would close."""
    ending = asyncio.Event()
    used: list[AsyncConnection[Any]] = []
    execute = AsyncConnection.execute

    async def stand_still(self: AsyncConnection[Any], query: Any) -> Any:
        if query != b"COMMIT":
            return await execute(self, query)
        used.append(self)
        ending.set()
        return await asyncio.Event().wait()

    async def have_it() -> None:
        async with locks.lock(DIGEST):
            pass

    with monkeypatch.context() as patched:
        patched.setattr(AsyncConnection, "execute", stand_still)
        given_up = asyncio.create_task(have_it())
        await ending.wait()
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
    assert [connection.closed for connection in used] == [True]
    async with locks.lock(DIGEST):
        pass

"""The read-only switch in PostgreSQL: whom it waits for, and for how long."""

import asyncio

import pytest

from lading.core.errors import Unavailable
from lading.databases.postgresql.database import PostgresqlDatabase
from lading.databases.postgresql.server import Server
from lading.metadata.metadata import Metadata
from lading.ports.database import SqlConnection
from tests.support.halting import LONG, Halt, halted
from tests.support.postgresql import PostgreSQL
from tests.support.rows import add, by_alice

pytestmark = pytest.mark.e2e


async def test_who_only_reads_is_not_waited_for(postgresql: PostgreSQL) -> None:
    """As a dump of PostgreSQL does, for hours perhaps; nor does it wait."""
    url = postgresql.new_schema()
    one, other = (Metadata(PostgresqlDatabase(Server(url), size=4)) for _ in range(2))
    halt = Halt()

    def read(connection: SqlConnection) -> None:
        connection.execute("SELECT * FROM switches").fetchall()
        halt()

    reading = asyncio.ensure_future(one.database.scan(read))
    await halt.reached()
    await asyncio.wait_for(other.read_only.set(by_alice()), LONG / 2)
    halt.go_on()
    await reading
    for metadata in (one, other):
        await metadata.close()


async def test_who_stands_still_is_waited_for_until_a_bound_and_it_stays_off(
    postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So others go on pushing, and whoever switches it is told to try again."""
    url = postgresql.new_schema()
    one = Metadata(PostgresqlDatabase(Server(url), size=4))
    other = Metadata(PostgresqlDatabase(Server(url, timeout=1.0), size=4))

    await add(one, b"first")
    async with halted(one, lambda: add(one, b"slow"), monkeypatch, at_its_end=True):
        with pytest.raises(Unavailable):
            await other.read_only.set(by_alice())
        assert await other.read_only.find() is None
        await add(other, b"quick")
    await other.read_only.set(by_alice())
    assert await one.read_only.find() == by_alice()
    for metadata in (one, other):
        await metadata.close()

"""The order in which transactions in PostgreSQL lock rows: none waits for one that waits for it."""

import asyncio

import pytest

from lading.core.digest import Digest
from lading.databases.postgresql.database import PostgresqlDatabase
from lading.databases.postgresql.server import Server
from lading.metadata import links
from lading.metadata.metadata import Metadata
from lading.ports.database import SqlConnection
from lading.ports.measures import Count, Level, Measures, Timing
from tests.support.contents import HELLO
from tests.support.halting import Halt, is_waiting
from tests.support.postgresql import PostgreSQL
from tests.support.rows import add, by_alice

pytestmark = pytest.mark.e2e


class Repeated(Measures):
    """What was done again, by the cause."""

    def __init__(self) -> None:
        self.causes: list[Count] = []

    def count(self, what: Count, by: float = 1) -> None:
        self.causes += [what] * int(by)

    def observe(self, what: Timing, seconds: float) -> None:
        pass

    def change(self, what: Level, by: float) -> None:
        pass


async def test_who_removes_a_link_has_it_before_its_blob_as_those_who_push_it(
    postgresql: PostgreSQL,
) -> None:
    """Or the server would look, after a second, which of them to undo."""
    url, repeated, halt = postgresql.new_schema(), Repeated(), Halt()
    one, other = (
        Metadata(PostgresqlDatabase(Server(url), size=4, measures=repeated)) for _ in range(2)
    )
    await add(one, b"pushed")
    digest = Digest.of(b"pushed")

    def push(connection: SqlConnection) -> None:
        values = {"repository": HELLO, "digest": digest, "size": 6, "now": 1.0}
        connection.execute(links._LINK, values)
        halt()
        connection.execute(links._KNOW.format(size=":size"), values)

    pushing = asyncio.ensure_future(one.database.write(push))
    await halt.reached()
    deleting = asyncio.ensure_future(other.links.delete(HELLO, digest, change=by_alice()))
    assert await is_waiting(deleting)
    halt.go_on()
    await pushing
    assert await deleting
    assert repeated.causes == []
    for metadata in (one, other):
        await metadata.close()

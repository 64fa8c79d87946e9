"""The read-only switch beside changes that are under way, each with a connection of its own.

When it is on, whatever clients change is committed already, or is refused.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from lading.core.digest import Digest
from lading.core.errors import ReadOnly
from lading.core.names import Tag
from lading.databases.postgresql.database import PostgresqlDatabase
from lading.databases.postgresql.server import Server
from lading.metadata.metadata import Metadata
from tests.contracts.conftest import ON_POSTGRESQL
from tests.support import rows
from tests.support.contents import HELLO, OTHER, image, index
from tests.support.halting import halted, is_waiting
from tests.support.migrating import rows_of
from tests.support.postgresql import PostgreSQL
from tests.support.rows import add, by_alice, delete, push

GONE = image(b"config", annotations={"n": "gone"})
CONFIG = Digest.of(b"config")
Changing = Callable[[Metadata], Awaitable[object]]

CHANGES: dict[str, Changing] = {
    "a blob is pushed": lambda to: add(to, b"new"),
    "a blob is pushed to a new repository": lambda to: add(to, b"new", to=OTHER),
    "a blob is mounted": lambda to: to.links.mount(OTHER, CONFIG, source=HELLO, change=by_alice()),
    "a blob is deleted": lambda to: to.links.delete(HELLO, Digest.of(b"b"), change=by_alice()),
    "a manifest is pushed": lambda to: push(to, image(b"config", b"b"), "new"),
    "a manifest is pushed to a new repository": lambda to: push(to, index([]), to=OTHER),
    "a manifest is deleted": lambda to: delete(to, image(b"config").digest),
    "a tag is deleted": lambda to: delete(to, "latest"),
    "a manifest is restored": lambda to: to.trash.restore_manifest(
        HELLO, GONE.digest, change=by_alice()
    ),
    "a tag is restored": lambda to: to.trash.restore_tag(
        HELLO, Tag("gone"), at=None, immutable=(), change=by_alice()
    ),
}
each_change = pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())


@pytest.fixture(params=["file", ON_POSTGRESQL])
def open_metadata(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Metadata]:
    """Open a database that several may write to, as one more worker does."""
    if request.param == "file":
        return lambda: rows.open_metadata(tmp_path / "metadata.sqlite3")
    server: PostgreSQL = request.getfixturevalue("postgresql")
    url = server.new_schema()
    return lambda: Metadata(PostgresqlDatabase(Server(url), size=4))


@pytest.fixture(autouse=True)
async def _filled(metadata: Metadata) -> None:
    await add(metadata, b"config", b"b")
    await push(metadata, image(b"config"), "latest")
    await push(metadata, GONE, "gone")
    await delete(metadata, "gone")
    await delete(metadata, GONE.digest)


@each_change
async def test_who_has_looked_and_not_committed_is_waited_for(
    metadata: Metadata,
    other_metadata: Metadata,
    change: Changing,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And is there when it is on; whoever comes after that is refused."""
    before = await rows_of(metadata)
    async with halted(metadata, lambda: change(metadata), monkeypatch, at_its_end=True) as (
        halt,
        changing,
    ):
        switching = asyncio.ensure_future(other_metadata.read_only.set(by_alice()))
        assert await is_waiting(switching)
        assert await rows_of(other_metadata) == before
        halt.go_on()
        await switching
        there = await rows_of(other_metadata)
        await changing
    assert there == await rows_of(metadata)
    assert there != before


@each_change
async def test_who_has_begun_and_not_looked_comes_before_it_or_is_refused(
    metadata: Metadata,
    other_metadata: Metadata,
    change: Changing,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = await rows_of(metadata)
    async with halted(metadata, lambda: change(metadata), monkeypatch, at_its_end=False) as (
        halt,
        changing,
    ):
        switching = asyncio.ensure_future(other_metadata.read_only.set(by_alice()))
        is_first = await is_waiting(switching)
        halt.go_on()
        await asyncio.wait([changing])
        await switching
    assert isinstance(changing.exception(), ReadOnly) is not is_first
    assert (await rows_of(metadata) == before) is not is_first
    # Where several write at a time it is not waited for.
    assert is_first is not isinstance(metadata.database, PostgresqlDatabase)


@each_change
async def test_who_looks_while_it_is_being_switched_on_is_refused(
    metadata: Metadata,
    other_metadata: Metadata,
    change: Changing,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not by what was so when they began to wait."""
    before = await rows_of(metadata)

    async def switch() -> None:
        await other_metadata.read_only.set(by_alice())

    async with halted(other_metadata, switch, monkeypatch, at_its_end=True) as (halt, _):
        changing = asyncio.ensure_future(change(metadata))
        assert await is_waiting(changing)
        halt.go_on()
        with pytest.raises(ReadOnly):
            await changing
    assert await rows_of(metadata) == before


@each_change
async def test_while_it_is_on_nothing_is_changed_and_then_all_is_as_before(
    metadata: Metadata, change: Changing
) -> None:
    before = await rows_of(metadata)
    await metadata.read_only.set(by_alice())
    with pytest.raises(ReadOnly):
        await change(metadata)
    assert await rows_of(metadata) == before
    await metadata.read_only.set(None)
    await change(metadata)
    assert await rows_of(metadata) != before


async def test_a_registry_that_departs_is_read_only_all_the_time(
    metadata: Metadata, other_metadata: Metadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the row says something else afterwards."""
    await metadata.read_only.set(by_alice())

    async def depart() -> None:
        await other_metadata.migrations.depart(by_alice(1))

    async with halted(other_metadata, depart, monkeypatch, at_its_end=True) as (halt, _):
        pushing = asyncio.ensure_future(add(metadata, b"new"))
        await is_waiting(pushing)
        halt.go_on()
        with pytest.raises(ReadOnly):
            await pushing
    assert await metadata.read_only.find() == by_alice(1)

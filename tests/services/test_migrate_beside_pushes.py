"""A migration beside pushes that stand still: what is acknowledged is where the registry goes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from lading.blobs.stores import Stores
from lading.core.digest import Digest
from lading.core.errors import ReadOnly
from lading.databases.postgresql.database import PostgresqlDatabase
from lading.databases.postgresql.server import Server
from lading.metadata.metadata import Metadata
from lading.services.moving.migration_work import Everything
from tests.contracts.conftest import ON_POSTGRESQL
from tests.support.contents import image
from tests.support.halting import halted, is_waiting
from tests.support.migrating import bytes_of, migrate, rows_of
from tests.support.people import People
from tests.support.postgresql import PostgreSQL
from tests.support.rows import open_metadata


@dataclass
class Place:
    """A registry that is served, and one to which it is migrated.

    Attributes:
        origin: as the command opens it.
        worker: as one that serves it does.
    """

    origin: People
    worker: People
    target: People


@pytest.fixture(params=["file", ON_POSTGRESQL])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    """A registry in which an image was pushed, and an empty one."""

    def in_file() -> Metadata:
        return open_metadata(tmp_path / "origin.sqlite3")

    def in_postgresql() -> Metadata:
        return Metadata(PostgresqlDatabase(Server(url), size=4), read_only_staleness=1.0)

    if request.param == "postgresql":
        server: PostgreSQL = request.getfixturevalue("postgresql")
        url = server.new_schema()
    open_origin = in_file if request.param == "file" else in_postgresql
    async with AsyncExitStack() as opened:
        origin, worker = [
            await opened.enter_async_context(_opened(open_origin, tmp_path / "origin"))
            for _ in range(2)
        ]
        target = await opened.enter_async_context(
            _opened(lambda: open_metadata(tmp_path / "target.sqlite3"), tmp_path / "target")
        )
        await worker.push_image(b"one", "latest")
        yield Place(origin, worker, target)


@asynccontextmanager
async def _opened(open_: Callable[[], Metadata], root: Path) -> AsyncIterator[People]:
    people = People(open_(), Stores.in_files(root))
    yield people
    people.stores.close()
    await people.metadata.close()


LATE = Digest.of(b"late")
PUSHES = {
    "blob": lambda people: people.push_blob(b"late"),
    "manifest": lambda people: people.push(image(b"one"), "late"),
    "deletion": lambda people: people.delete("latest"),
}


@pytest.mark.parametrize("what", PUSHES)
async def test_a_push_that_stands_still_before_its_commit_is_brought(
    place: Place, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long that takes, as long as it is done in the end."""
    async with halted(
        place.worker.metadata, lambda: PUSHES[what](place.worker), monkeypatch, at_its_end=True
    ) as (halt, pushing):
        migrating = asyncio.ensure_future(migrate(place.origin.registry, place.target.registry))
        assert await is_waiting(migrating)
        halt.go_on()
        await pushing
    await migrating
    assert await rows_of(place.target.metadata) == await rows_of(place.origin.metadata)
    assert await bytes_of(place.target) == await bytes_of(place.origin)
    assert await place.target.has("late") is (what == "manifest")
    assert await place.target.has("latest") is (what != "deletion")
    assert (await place.target.blobs.stat(LATE) is not None) is (what == "blob")


@pytest.mark.parametrize("what", PUSHES)
async def test_a_push_that_was_let_in_and_stood_still_until_all_was_brought_is_refused(
    place: Place, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, goes_on = place.worker.metadata.database.write, asyncio.Event()

    async def write_late(work: object, **options: bool) -> object:
        await goes_on.wait()
        return await write(work, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(place.worker.metadata.database, "write", write_late)
    pushing = asyncio.ensure_future(PUSHES[what](place.worker))
    assert await is_waiting(pushing)
    await migrate(place.origin.registry, place.target.registry)
    brought = await rows_of(place.target.metadata)
    goes_on.set()
    with pytest.raises(ReadOnly):
        await pushing
    assert await rows_of(place.origin.metadata) == brought


async def test_bytes_of_a_push_that_was_refused_late_go_where_rows_alone_are_brought(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They have their final name already, and no row."""
    equalise = Everything.equalise

    async def let_in() -> None:
        pass

    async def push_first(self: Everything) -> int:
        with pytest.raises(ReadOnly):
            await place.worker.push_blob(b"late")
        assert await place.origin.blobs.stat(LATE) is not None
        return await equalise(self)

    monkeypatch.setattr(place.worker.metadata.read_only, "look", let_in)
    monkeypatch.setattr(Everything, "equalise", push_first)
    target = People(open_metadata(tmp_path / "rows.sqlite3"), place.origin.stores)
    await migrate(place.origin.registry, target.registry)
    assert await target.blobs.stat(LATE) is None
    assert await target.uploads.list_all() == []
    assert await target.has("latest")
    await target.metadata.close()

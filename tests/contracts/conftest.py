"""Every adapter of each port, opened as often as there are workers."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from lading.blobs.disk import Disk
from lading.blobs.file_blobs import FileBlobs
from lading.blobs.file_locks import FileLocks
from lading.blobs.file_uploads import FileUploads
from lading.blobs.in_memory import InMemoryLocks
from lading.blobs.stores import Stores
from lading.databases.postgresql.database import PostgresqlDatabase
from lading.databases.postgresql.locks import DatabaseLocks
from lading.databases.postgresql.server import Server
from lading.databases.sqlite.memory import MemoryDatabase
from lading.metadata.metadata import Metadata
from lading.monitoring.memory import Figures
from lading.monitoring.watch import Watch
from lading.ports.blobs import Locks
from lading.ports.database import Work
from tests.support import rows
from tests.support.object_places import PlaceInS3
from tests.support.postgresql import PostgreSQL

T = TypeVar("T")

ON_POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.e2e)
IN_S3 = [pytest.param(name, marks=pytest.mark.e2e) for name in ("s3", "s3 and postgresql")]


@pytest.fixture(params=["files", "files without a cache", "files, watched", "memory", *IN_S3])
def open_stores(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Callable[[], AbstractContextManager[Stores]]:
    """Open the stores as one more worker does; those in memory have one worker only."""
    only = Stores.in_memory()
    match request.param:
        case "s3":
            place = PlaceInS3(request.getfixturevalue("s3"), tmp_path)
            return place.opened_stores
        case "s3 and postgresql":
            server: PostgreSQL = request.getfixturevalue("postgresql")
            place = PlaceInS3(request.getfixturevalue("s3"), tmp_path, url=server.new_schema())
            return partial(place.opened_stores, cached=False)
        case "files":
            return lambda: closing(Stores.in_files(tmp_path / "data"))
        case "files, watched":
            return lambda: closing(_watched(Stores.in_files(tmp_path / "data")))
        case "files without a cache":
            disk = Disk(tmp_path / "data")
            locks = FileLocks(disk.layout)
            return lambda: closing(Stores(FileBlobs(disk), FileUploads(disk), locks, disk))
        case _:
            return lambda: closing(only)


def _watched(stores: Stores) -> Stores:
    """Stores of which all that they are asked is measured."""
    watch = Watch(Figures(1).of(0))
    return replace(
        stores,
        blobs=watch.blobs(stores.blobs, measured=False),
        uploads=watch.uploads(stores.uploads, measured=False),
    )


@pytest.fixture
async def stores(
    open_stores: Callable[[], AbstractContextManager[Stores]],
) -> AsyncIterator[Stores]:
    """Stores of bytes."""
    with open_stores() as opened:
        yield opened


@pytest.fixture
async def others(
    open_stores: Callable[[], AbstractContextManager[Stores]],
) -> AsyncIterator[Stores]:
    """The same stores, in another worker."""
    with open_stores() as opened:
        yield opened


@pytest.fixture(params=["files", "memory", ON_POSTGRESQL])
def open_locks(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Locks]:
    """Open the locks as one more worker does; those in memory have one worker only."""
    only = InMemoryLocks()
    match request.param:
        case "files":
            return lambda: FileLocks(Disk(tmp_path / "data").layout)
        case "memory":
            return lambda: only
        case _:
            server: PostgreSQL = request.getfixturevalue("postgresql")
            return lambda: DatabaseLocks(Server(server.url()))


@pytest.fixture
async def locks(open_locks: Callable[[], Locks]) -> AsyncIterator[Locks]:
    """Locks of digests."""
    opened = open_locks()
    yield opened
    if isinstance(opened, DatabaseLocks):
        opened.close()


@pytest.fixture
async def other_locks(open_locks: Callable[[], Locks]) -> AsyncIterator[Locks]:
    """The same locks, in another worker."""
    opened = open_locks()
    yield opened
    if isinstance(opened, DatabaseLocks):
        opened.close()


class Repeating(MemoryDatabase):
    """A database that undoes each write and runs it again, as one may in which two have met."""

    async def write(self, work: Work[T], *, durable: bool = True, alone: bool = False) -> T:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            work(self._connection)
        finally:
            self._connection.execute("ROLLBACK")
        return await super().write(work, durable=durable, alone=alone)


@pytest.fixture(params=["file", "memory", "repeating", ON_POSTGRESQL])
def open_metadata(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Metadata]:
    """Open the database as one more worker does; the one in memory has one worker only."""
    if request.param == "file":
        return lambda: rows.open_metadata(tmp_path / "metadata.sqlite3")
    if request.param == "postgresql":
        server: PostgreSQL = request.getfixturevalue("postgresql")
        url = server.new_schema()
        return lambda: Metadata(PostgresqlDatabase(Server(url), size=4))
    only = Metadata(MemoryDatabase() if request.param == "memory" else Repeating())
    return lambda: only


@pytest.fixture
async def metadata(open_metadata: Callable[[], Metadata]) -> AsyncIterator[Metadata]:
    """An empty database."""
    opened = open_metadata()
    yield opened
    await opened.close()


@pytest.fixture
async def other_metadata(open_metadata: Callable[[], Metadata]) -> AsyncIterator[Metadata]:
    """The same database, in another worker."""
    opened = open_metadata()
    yield opened
    await opened.close()

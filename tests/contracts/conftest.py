"""Every adapter of each port, opened as often as there are workers."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from lading.blobs.disk import Disk
from lading.blobs.file_blobs import FileBlobs
from lading.blobs.file_locks import FileLocks
from lading.blobs.file_uploads import FileUploads
from lading.blobs.stores import Stores
from lading.databases.sqlite.memory import MemoryDatabase
from lading.metadata.metadata import Metadata
from tests.support import rows


@pytest.fixture(params=["files", "files without a cache", "memory"])
def open_stores(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Stores]:
    """Open the stores as one more worker does; those in memory have one worker only."""
    only = Stores.in_memory()
    match request.param:
        case "files":
            return lambda: Stores.in_files(tmp_path / "data")
        case "files without a cache":
            disk = Disk(tmp_path / "data")
            return lambda: Stores(FileBlobs(disk), FileUploads(disk), FileLocks(disk))
        case _:
            return lambda: only


@pytest.fixture
async def stores(open_stores: Callable[[], Stores]) -> AsyncIterator[Stores]:
    """Stores of bytes."""
    opened = open_stores()
    yield opened
    await opened.blobs.close()


@pytest.fixture
async def others(open_stores: Callable[[], Stores]) -> AsyncIterator[Stores]:
    """The same stores, in another worker."""
    opened = open_stores()
    yield opened
    await opened.blobs.close()


@pytest.fixture(params=["file", "memory"])
def open_metadata(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Metadata]:
    """Open the database as one more worker does; the one in memory has one worker only."""
    if request.param == "file":
        return lambda: rows.open_metadata(tmp_path / "metadata.sqlite3")
    only = Metadata.on(MemoryDatabase())
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

"""Every adapter of each port, opened as often as there are workers."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from lading.blobs.filesystem import FilesystemBlobs
from lading.blobs.memory import MemoryBlobs
from lading.metadata.sqlite import SqliteMetadata
from lading.ports.blobs import BlobStore
from lading.ports.metadata import Metadata


@pytest.fixture(params=["filesystem", "memory"])
def open_blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], BlobStore]:
    """Open the store as one more worker does; the one in memory has one worker only."""
    if request.param == "filesystem":
        return lambda: FilesystemBlobs(tmp_path / "data")
    only = MemoryBlobs()
    return lambda: only


@pytest.fixture
async def blobs(open_blobs: Callable[[], BlobStore]) -> AsyncIterator[BlobStore]:
    """A store of blobs."""
    opened = open_blobs()
    yield opened
    await opened.close()


@pytest.fixture
async def other_blobs(open_blobs: Callable[[], BlobStore]) -> AsyncIterator[BlobStore]:
    """The same store, in another worker."""
    opened = open_blobs()
    yield opened
    await opened.close()


@pytest.fixture(params=["file", "memory"])
def open_metadata(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Metadata]:
    """Open the database as one more worker does; the one in memory has one worker only."""
    if request.param == "file":
        return lambda: SqliteMetadata.open(tmp_path / "metadata.sqlite3")
    only = SqliteMetadata.in_memory()
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

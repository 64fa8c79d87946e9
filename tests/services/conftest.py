"""A registry on files, and one in memory: services must not see a difference."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lading.blobs.stores import Stores
from lading.metadata.sqlite import SqliteMetadata
from tests.support.people import People


@pytest.fixture(params=["files", "memory"])
async def people(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[People]:
    """Those who use a registry that is empty at first."""
    if request.param == "files":
        people = People(SqliteMetadata.open(tmp_path / "db"), Stores.in_files(tmp_path / "data"))
    else:
        people = People(SqliteMetadata.in_memory(), Stores.in_memory())
    yield people
    await people.blobs.close()
    await people.metadata.close()

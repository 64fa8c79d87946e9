"""A registry on files, and one in memory: services must not see a difference."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lading.blobs.stores import Stores
from lading.databases.sqlite.memory import MemoryDatabase
from lading.metadata.metadata import Metadata
from tests.support.people import People
from tests.support.rows import open_metadata


@pytest.fixture(params=["files", "memory"])
async def people(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[People]:
    """Those who use a registry that is empty at first."""
    if request.param == "files":
        people = People(open_metadata(tmp_path / "db"), Stores.in_files(tmp_path / "data"))
    else:
        people = People(Metadata(MemoryDatabase()), Stores.in_memory())
    yield people
    people.stores.close()
    await people.metadata.close()

"""A registry in memory, for what the edge asks of one."""

import pytest

from lading.blobs.stores import Stores
from lading.databases.sqlite.memory import MemoryDatabase
from lading.metadata.metadata import Metadata
from tests.support.people import People


@pytest.fixture
def people() -> People:
    """Those who use it; nothing is there yet."""
    return People(Metadata(MemoryDatabase()), Stores.in_memory())

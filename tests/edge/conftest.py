"""A registry in memory, for what the edge asks of one."""

import pytest

from lading.blobs.stores import Stores
from lading.metadata.sqlite import SqliteMetadata
from tests.support.people import People


@pytest.fixture
def people() -> People:
    """Those who use it; nothing is there yet."""
    return People(SqliteMetadata.in_memory(), Stores.in_memory())

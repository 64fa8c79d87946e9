"""A registry in memory, and its pages, which are asked for without a server."""

from collections.abc import AsyncIterator

import pytest

from lading.blobs.stores import Stores
from lading.databases.sqlite.memory import MemoryDatabase
from lading.edge.options import EdgeOptions
from lading.metadata.metadata import Metadata
from lading.ui.context import UiParts
from tests.support.people import People
from tests.ui.browsing import Browser


@pytest.fixture
async def people() -> AsyncIterator[People]:
    """Those who use it; nothing is there yet."""
    people = People(Metadata(MemoryDatabase()), Stores.in_memory())
    yield people
    await people.metadata.close()


@pytest.fixture
def browser(people: People) -> Browser:
    """A browser where everybody may do everything."""
    return Browser(UiParts(people.registry, EdgeOptions()))

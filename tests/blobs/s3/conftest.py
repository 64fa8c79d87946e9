"""A place in an object store, and two replicas that have it open."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.object_places import Clock, OpenPlace, PlaceInS3
from tests.support.s3 import S3


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def place(s3: S3, tmp_path: Path, clock: Clock) -> PlaceInS3:
    return PlaceInS3(s3, tmp_path, clock)


@pytest.fixture
async def here(place: PlaceInS3) -> AsyncIterator[OpenPlace]:
    with place.opened() as one:
        yield one


@pytest.fixture
async def there(place: PlaceInS3) -> AsyncIterator[OpenPlace]:
    """Another replica."""
    with place.opened() as one:
        yield one

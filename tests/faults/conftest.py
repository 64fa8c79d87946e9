"""A registry on a disk of its own that is small and can be broken."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.lading import Lading, lading_serve, started_workers
from tests.support.volumes import Volume, small_volume

MIB = 1024 * 1024


@pytest.fixture(params=["ext4", "tmpfs"])
def volume(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Volume]:
    """A small file system where the registry will keep its data."""
    with small_volume(request.param, tmp_path / "data", size=64 * MIB) as volume:
        yield volume


@pytest.fixture
def registry(volume: Volume, tmp_path: Path) -> Iterator[Lading]:
    """A registry that keeps 8 MiB in reserve."""
    yield from _keeping("8 MiB", tmp_path)


@pytest.fixture
def careless(volume: Volume, tmp_path: Path) -> Iterator[Lading]:
    """A registry that keeps nothing in reserve."""
    yield from _keeping("0", tmp_path)


def _keeping(reserve: str, directory: Path) -> Iterator[Lading]:
    env = {"REGISTRY_STORAGE_FILESYSTEM_RESERVE": reserve}
    with lading_serve(directory, env=env) as registry:
        started_workers(registry)
        yield registry

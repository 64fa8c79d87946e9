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
    env = {"REGISTRY_STORAGE_FILESYSTEM_RESERVE": "8 MiB"}
    with lading_serve(tmp_path, env=env) as registry:
        started_workers(registry)
        yield registry


@pytest.fixture
def careless(volume: Volume, tmp_path: Path) -> Iterator[Lading]:
    """A registry that keeps nothing in reserve."""
    env = {"REGISTRY_STORAGE_FILESYSTEM_RESERVE": "0"}
    with lading_serve(tmp_path, env=env) as registry:
        started_workers(registry)
        yield registry

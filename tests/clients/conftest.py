"""What the clients share: a registry, an image to copy, and a home of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.lading import Lading, lading_serve
from tests.support.layouts import Layout, write_layout
from tests.support.pairs import (
    CHOSEN,
    ONE_MACHINE,
    PAIRS,
    SCALED_OUT,
    Pair,
    one_machine,
    scaled_out,
)


@pytest.fixture(scope="session")
def pair(request: pytest.FixtureRequest) -> Pair:
    """Where registries keep what they have that are made for one client."""
    return _pair(request, CHOSEN)


@pytest.fixture(scope="session", params=PAIRS if CHOSEN == ONE_MACHINE else [CHOSEN])
def registry(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lading]:
    """`lading serve` on this machine, on either pair of metadata and bytes."""
    directory = tmp_path_factory.mktemp("clients")
    settings = _pair(request, request.param)(directory)
    with lading_serve(directory, settings=settings) as registry:
        yield registry


def _pair(request: pytest.FixtureRequest, name: str) -> Pair:
    """A pair by its name; PostgreSQL and an S3 server are started if they are asked for."""
    if name != SCALED_OUT:
        return one_machine
    return scaled_out(request.getfixturevalue("postgresql"), request.getfixturevalue("s3_server"))


@pytest.fixture(scope="session")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """An image for two architectures, in a directory."""
    return write_layout(tmp_path_factory.mktemp("layout"))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keeps what a client remembers, logins and caches, away from the person who runs the tests."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    return home

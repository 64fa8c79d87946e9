"""What the clients share: a registry, an image to copy, and a home of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.lading import Lading, lading_serve
from tests.support.layouts import Layout, write_layout


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lading]:
    """`lading serve` on this machine."""
    with lading_serve(tmp_path_factory.mktemp("clients")) as registry:
        yield registry


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

"""The shared fixtures, and the one server that the walkthrough walks through."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.compose import Stack, unpacked_stack
from tests.support.docker import Docker


def pytest_configure(config: pytest.Config) -> None:
    """Register the shared fixtures; only the conftest of the whole suite could simply name them."""
    config.pluginmanager.import_plugin("tests.support.fixtures")


@pytest.fixture(scope="module")
def stack(deployment: Docker, scratch: Path) -> Iterator[Stack]:
    """The unpacked folder; nothing is started yet."""
    with unpacked_stack(deployment, scratch / "walkthrough") as stack:
        yield stack

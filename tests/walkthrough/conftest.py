"""The one server that the walkthrough walks through."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.compose import Stack, unpacked_stack
from tests.support.docker import Docker


@pytest.fixture(scope="module")
def stack(deployment: Docker, scratch: Path) -> Iterator[Stack]:
    """The unpacked folder; nothing is started yet."""
    with unpacked_stack(deployment, scratch / "walkthrough") as stack:
        yield stack

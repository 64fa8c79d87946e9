"""Plugin of pytest: registries for tests, as fixtures.

Nothing of a registry is loaded before a test asks for one.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lading.testing import PractiseRegistry


@pytest.fixture(scope="session")
def lading_server() -> "Iterator[PractiseRegistry]":
    """A registry that all tests of a session share: what is pushed to it stays."""
    from lading.testing import PractiseRegistry  # noqa: PLC0415

    with PractiseRegistry() as registry:
        yield registry


@pytest.fixture(scope="session")
def _lading_server_of_tests() -> "Iterator[PractiseRegistry]":
    """The registry that each test finds empty."""
    from lading.testing import PractiseRegistry  # noqa: PLC0415

    with PractiseRegistry() as registry:
        yield registry


@pytest.fixture
def lading_registry(_lading_server_of_tests: "PractiseRegistry") -> "PractiseRegistry":
    """A registry that is empty, without faults and events; anybody may do everything."""
    _lading_server_of_tests.reset()
    return _lading_server_of_tests


@pytest.fixture
def make_lading_registry() -> "Iterator[Callable[..., PractiseRegistry]]":
    """Makes registries that end with the test: users, permissions, tokens, delete, tls."""
    from lading.testing import PractiseRegistry  # noqa: PLC0415

    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(PractiseRegistry(**options))

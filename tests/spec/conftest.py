"""The one registry that the tests of the protocol talk to, and a repository for each of them."""

import itertools
from collections.abc import Iterator

import pytest

from tests.support.client import Client
from tests.support.lading import Lading, lading_serve
from tests.support.pushes import Repository

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lading]:
    """`lading serve` with two workers."""
    with lading_serve(tmp_path_factory.mktemp("spec")) as registry:
        yield registry


@pytest.fixture
def client(registry: Lading) -> Client:
    """Asks that registry."""
    return registry.client


@pytest.fixture
def repository(client: Client) -> Repository:
    """A repository that no other test uses."""
    return Repository(client, f"spec/test-{next(_numbers)}")


@pytest.fixture
def other(client: Client) -> Repository:
    """Another one."""
    return Repository(client, f"spec/test-{next(_numbers)}")


@pytest.fixture(params=["sha256", "sha512"])
def algorithm(request: pytest.FixtureRequest) -> str:
    """Both registered algorithms (image-spec descriptor.md, Registered Algorithms)."""
    name: str = request.param
    return name

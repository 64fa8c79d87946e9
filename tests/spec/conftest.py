"""The one registry that the tests of the protocol talk to, and a repository for each of them."""

import itertools
from collections.abc import Iterator

import pytest

from tests.support.client import Client
from tests.support.guarded import Guarded, guarded_registry
from tests.support.lading import lading_serve
from tests.support.nginx import BEHIND_NGINX, nginx_before
from tests.support.postgresql import PostgreSQL
from tests.support.pushes import Repository
from tests.support.replicas import replicas_on_s3
from tests.support.s3 import S3
from tests.support.stock import stock_server
from tests.support.victims import Victim, running_victim

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def direct(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Asks `lading serve` with two workers itself, for what no proxy would pass on."""
    with lading_serve(tmp_path_factory.mktemp("spec")) as registry:
        yield registry.client


@pytest.fixture(scope="session")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Asks through the nginx of the deployment."""
    directory = tmp_path_factory.mktemp("spec")
    with (
        lading_serve(directory, env=BEHIND_NGINX) as registry,
        nginx_before(registry, directory) as host,
    ):
        yield Client(host)


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A registry that asks who is calling."""
    with guarded_registry(tmp_path_factory.mktemp("guarded")) as guarded:
        yield guarded


@pytest.fixture(scope="session")
def uvicorn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Asks the application on a server that is not its own."""
    with stock_server("uvicorn", tmp_path_factory.mktemp("uvicorn")) as client:
        yield client


@pytest.fixture(scope="session")
def granian(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Asks the application on another one, which is not written in Python."""
    with stock_server("granian", tmp_path_factory.mktemp("granian")) as client:
        yield client


@pytest.fixture(scope="session")
def scaled_out(
    tmp_path_factory: pytest.TempPathFactory, postgresql: PostgreSQL, s3_server: S3
) -> Iterator[Client]:
    """Asks two replicas with PostgreSQL and S3, which nginx has take turns."""
    with replicas_on_s3(tmp_path_factory.mktemp("spec"), postgresql, s3_server) as running:
        yield Client(running.host)


SERVED = ("proxied", "uvicorn", "granian", "scaled_out")


@pytest.fixture(
    scope="session",
    params=["direct", *(pytest.param(name, marks=pytest.mark.e2e) for name in SERVED)],
)
def client(request: pytest.FixtureRequest) -> Client:
    """Asks a registry: behind a proxy, and on any server of ASGI, every answer is the same."""
    client: Client = request.getfixturevalue(request.param)
    return client


@pytest.fixture
def repository(client: Client) -> Repository:
    """A repository that no other test uses."""
    return Repository(client, f"spec/test-{next(_numbers)}")


@pytest.fixture
def other(client: Client) -> Repository:
    """Another one."""
    return Repository(client, f"spec/test-{next(_numbers)}")


@pytest.fixture(scope="session")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    """Another one, for what must leave it unchanged."""
    with running_victim(tmp_path_factory.mktemp("victim")) as victim:
        yield victim


@pytest.fixture(params=["sha256", "sha512"])
def algorithm(request: pytest.FixtureRequest) -> str:
    """Both registered algorithms (image-spec descriptor.md, Registered Algorithms)."""
    name: str = request.param
    return name

"""Fixtures that the end-to-end tests share: one network, Docker daemon, PostgreSQL for all."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.docker import Docker, private_docker
from tests.support.images import build_deployment
from tests.support.network import Network, private_network
from tests.support.pairs import GATEWAY
from tests.support.postgresql import PostgreSQL, running_postgresql
from tests.support.s3 import S3, running_s3


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """A directory that is gone after the run: Docker keeps gigabytes, and wants short paths."""
    with tempfile.TemporaryDirectory(prefix="lading-e2e-", ignore_cleanup_errors=True) as directory:
        yield Path(directory)


@pytest.fixture(scope="session")
def network(scratch: Path) -> Iterator[Network]:
    """A network in which port 80 is free and nothing else runs."""
    with private_network(scratch) as network:
        yield network


@pytest.fixture(scope="session")
def docker(scratch: Path, network: Network) -> Iterator[Docker]:
    """A Docker daemon that speaks HTTP to `localhost` and to registries of this machine."""
    insecure = ("localhost", f"{GATEWAY}/32")
    with private_docker(scratch, network, insecure=insecure) as docker:
        yield docker


@pytest.fixture(scope="session")
def deployment(docker: Docker) -> Docker:
    """The daemon, with the images that deploy/compose runs."""
    build_deployment(docker)
    return docker


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3]:
    """An S3 server, with a proxy before it."""
    with running_s3() as server:
        yield server


@pytest.fixture
def s3(s3_server: S3) -> S3:
    """A bucket of that server, which is empty; nothing of it fails yet."""
    return s3_server.fresh()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A server of PostgreSQL, which each test asks for a database of its own."""
    with running_postgresql() as server:
        yield server

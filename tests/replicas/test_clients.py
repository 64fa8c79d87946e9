"""Clients push to replicas on PostgreSQL and an object store, and pull back what they pushed."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.commands import require, run
from tests.support.docker import Docker
from tests.support.images import build_layers, random_bytes
from tests.support.lading import lading_serve
from tests.support.layouts import Layout, write_layout
from tests.support.network import Network
from tests.support.pairs import scaled_out
from tests.support.podman import private_podman
from tests.support.postgresql import PostgreSQL
from tests.support.replicas import Replicas, replicas_on_s3
from tests.support.s3 import S3

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, postgresql: PostgreSQL, s3_server: S3
) -> Iterator[Replicas]:
    with replicas_on_s3(tmp_path_factory.mktemp("clients"), postgresql, s3_server) as running:
        yield running


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """An image for two architectures."""
    return write_layout(tmp_path_factory.mktemp("layout"))


def test_skopeo_gets_back_what_it_copied(running: Replicas, layout: Layout, tmp_path: Path) -> None:
    require("skopeo")
    image = f"docker://{running.host}/skopeo/oci:latest"
    options = ["--src-tls-verify=false", "--dest-tls-verify=false", "--all", "--preserve-digests"]
    run(["skopeo", "copy", *options, f"oci:{layout.path}:latest", image])
    run(["skopeo", "copy", *options, image, f"oci:{tmp_path / 'back'}:latest"])
    assert layout.is_in(tmp_path / "back")


def test_podman_gets_back_what_it_pushed(running: Replicas, layout: Layout, tmp_path: Path) -> None:
    with private_podman(tmp_path) as podman:
        built = podman.run("pull", f"oci:{layout.path}:latest")
        podman.push_and_pull_back(built, f"{running.host}/podman/oci:v1", "--tls-verify=false")


def test_docker_gets_back_what_it_pushed_by_another_replica(
    docker: Docker, network: Network, postgresql: PostgreSQL, s3_server: S3, tmp_path: Path
) -> None:
    """In its own network, where it believes that a registry on its loopback needs no TLS."""
    settings = scaled_out(postgresql, s3_server)(tmp_path, network)
    with ExitStack() as stack:
        images = []
        for name in ("one", "two"):
            own = tmp_path / name
            own.mkdir()
            env = {"REGISTRY_STORAGE_S3_LOCALDIRECTORY": str(own)}
            serving = lading_serve(own, settings=settings, env=env, network=network)
            images.append(f"{stack.enter_context(serving).host}/docker/app:v1")
        build_layers(docker, images[0], random_bytes(100_000))
        docker.push_and_pull_back(*images)

"""docker pushes, pulls and mounts; it reads what other clients push in OCI's format."""

import json
from collections.abc import Iterator

import pytest

from tests.support.commands import require
from tests.support.docker import Docker
from tests.support.images import build_layers, random_bytes
from tests.support.lading import Lading, lading_serve
from tests.support.layouts import ARCHITECTURES, Layout
from tests.support.pairs import Pair
from tests.support.pushes import DOCKER_LIST, DOCKER_MANIFEST

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def registry(
    docker: Docker, pair: Pair, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lading]:
    """`lading serve` where the daemon finds it: in the daemon's network."""
    directory = tmp_path_factory.mktemp("docker")
    settings = pair(directory, docker.network)
    with lading_serve(directory, settings=settings, network=docker.network) as registry:
        yield registry


def test_all_tags_of_an_image_are_pushed_and_pulled(docker: Docker, registry: Lading) -> None:
    name = f"{registry.host}/docker/tags"
    build_layers(docker, f"{name}:v1", random_bytes(1000))
    docker.run("tag", f"{name}:v1", f"{name}:v2")
    built = docker.inspect("image", f"{name}:v1")["Id"]

    docker.run("push", "--all-tags", name)
    docker.run("rmi", "--force", built)
    docker.run("pull", "--all-tags", name)

    assert docker.inspect("image", f"{name}:v1")["Id"] == built
    assert docker.inspect("image", f"{name}:v2")["Id"] == built
    stored = registry.curl("/v2/docker/tags/manifests/v1")
    assert stored.headers["Content-Type"] == DOCKER_MANIFEST
    assert json.loads(stored.body)["config"]["digest"] == built


def test_an_image_is_pulled_by_its_digest(docker: Docker, registry: Lading) -> None:
    name = f"{registry.host}/docker/digest"
    build_layers(docker, name, random_bytes(1000))
    docker.run("push", name)
    built = docker.inspect("image", name)["Id"]
    digest = registry.digest("docker/digest", "latest")
    docker.run("rmi", "--force", built)

    docker.run("pull", f"{name}@{digest}")

    assert docker.inspect("image", f"{name}@{digest}")["Id"] == built


def test_a_layer_is_mounted_from_another_repository(docker: Docker, registry: Lading) -> None:
    """No byte of it is sent twice."""
    first, second = f"{registry.host}/docker/from", f"{registry.host}/docker/to"
    build_layers(docker, first, random_bytes(1000))
    docker.run("push", first)
    docker.run("tag", first, second)

    assert "Mounted from docker/from" in docker.run("push", second)
    assert registry.digest("docker/to", "latest") == registry.digest("docker/from", "latest")


def test_a_list_is_made_and_pushed(docker: Docker, registry: Lading) -> None:
    """`docker manifest` asks from where the person is, not from where the daemon is."""
    name = f"{registry.host}/docker/many"
    for architecture in ARCHITECTURES:
        build_layers(docker, f"{name}:{architecture}", random_bytes(1000))
        docker.run("push", f"{name}:{architecture}")
    images = [f"{name}:{architecture}" for architecture in ARCHITECTURES]

    docker.run_inside("manifest", "create", "--insecure", f"{name}:all", *images)
    docker.run_inside("manifest", "annotate", f"{name}:all", images[1], "--arch=arm64")
    docker.run_inside("manifest", "push", "--insecure", f"{name}:all")

    stored = registry.curl("/v2/docker/many/manifests/all")
    assert stored.headers["Content-Type"] == DOCKER_LIST
    assert {child["digest"] for child in json.loads(stored.body)["manifests"]} == {
        registry.digest("docker/many", architecture) for architecture in ARCHITECTURES
    }
    docker.run("pull", f"{name}:all")


def test_an_image_in_ocis_format_is_pulled(
    docker: Docker, registry: Lading, layout: Layout
) -> None:
    require("skopeo")
    image = f"{registry.host}/docker/oci:v1"
    docker.network.run(
        *("skopeo", "copy", "--all", "--dest-tls-verify=false"),
        *(f"oci:{layout.path}:latest", f"docker://{image}"),
    )

    docker.run("pull", image)

    [digest] = docker.inspect("image", image)["RepoDigests"]
    assert digest.endswith(f"@{registry.digest('docker/oci', 'v1')}")


def test_an_image_that_is_deleted_or_never_was_is_not_found(
    docker: Docker, registry: Lading
) -> None:
    name = f"{registry.host}/docker/gone"
    build_layers(docker, name, random_bytes(1000))
    docker.run("push", name)
    digest = registry.digest("docker/gone", "latest")
    registry.curl(f"/v2/docker/gone/manifests/{digest}", "-XDELETE")
    docker.run("rmi", name)

    assert "manifest unknown" in docker.fails("pull", name)
    assert "not found" in docker.fails("pull", f"{registry.host}/docker/never")

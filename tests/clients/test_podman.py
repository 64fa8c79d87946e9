"""podman pushes and pulls in both formats, and pushes whole lists."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.commands import require, require_root, run
from tests.support.lading import Lading
from tests.support.layouts import ARCHITECTURES, Layout
from tests.support.pushes import DOCKER_MANIFEST, OCI_MANIFEST

pytestmark = pytest.mark.e2e

Podman = Callable[..., str]


@pytest.fixture
def podman(tmp_path: Path) -> Iterator[Podman]:
    """Runs podman with a storage of its own; returns what it printed."""
    require("podman")
    require_root()
    # It takes no path of more than 50 characters.
    with tempfile.TemporaryDirectory(prefix="podman-") as running:
        places = [f"--root={tmp_path / 'storage'}", f"--runroot={running}"]

        def podman(*words: str) -> str:
            command = ["podman", *places, "--storage-driver=vfs", *words]
            return run(command).stdout.decode().strip()

        yield podman


@pytest.mark.parametrize(
    ("format_", "media_type"), [("oci", OCI_MANIFEST), ("v2s2", DOCKER_MANIFEST)]
)
def test_an_image_is_pushed_and_pulled_back(
    podman: Podman, registry: Lading, layout: Layout, format_: str, media_type: str
) -> None:
    image = f"{registry.host}/podman/{format_}:v1"
    pulled = podman("pull", f"oci:{layout.path}:latest")
    podman("push", "--tls-verify=false", f"--format={format_}", pulled, image)
    podman("rmi", "--all", "--force")

    assert podman("pull", "--tls-verify=false", image) == pulled
    stored = registry.client.ask("GET", f"/v2/podman/{format_}/manifests/v1")
    assert stored.headers["Content-Type"] == media_type
    assert podman("inspect", "--format={{.Digest}}", image) == registry.digest(
        f"podman/{format_}", "v1"
    )


def test_a_list_is_pushed_with_all_its_images(
    podman: Podman, registry: Lading, layout: Layout
) -> None:
    image = f"{registry.host}/podman/many:latest"
    podman("manifest", "create", "many")
    podman("manifest", "add", "--all", "many", f"oci:{layout.path}:latest")

    podman("manifest", "push", "--all", "--tls-verify=false", "many", f"docker://{image}")

    for architecture in ARCHITECTURES:
        podman("pull", "--tls-verify=false", f"--arch={architecture}", image)
        assert podman("inspect", "--format={{.Architecture}}", image) == architecture

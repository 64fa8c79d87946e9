"""buildah builds, pushes and pulls in both formats, and pushes whole lists."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.commands import require, require_root, run
from tests.support.lading import Lading
from tests.support.layouts import ARCHITECTURES, Layout
from tests.support.pushes import DOCKER_MANIFEST, OCI_MANIFEST

pytestmark = pytest.mark.e2e

Buildah = Callable[..., str]


@pytest.fixture
def buildah(tmp_path: Path) -> Buildah:
    """Runs buildah with a storage of its own; returns what it printed."""
    require("buildah")
    require_root()
    places = [f"--root={tmp_path / 'storage'}", f"--runroot={tmp_path / 'run'}"]

    def buildah(*words: str | Path) -> str:
        command = ["buildah", *places, "--storage-driver=vfs", *words]
        return run(command).stdout.decode().strip()

    return buildah


@pytest.mark.parametrize(
    ("format_", "media_type"), [("oci", OCI_MANIFEST), ("docker", DOCKER_MANIFEST)]
)
def test_an_image_is_built_pushed_and_pulled_back(
    buildah: Buildah, registry: Lading, tmp_path: Path, format_: str, media_type: str
) -> None:
    image = f"{registry.host}/buildah/{format_}:v1"
    (tmp_path / "hello").write_text("hello\n")
    container = buildah("from", "scratch")
    buildah("copy", container, tmp_path / "hello", "/hello")
    built = buildah("commit", f"--format={format_}", container, image)
    buildah("push", "--tls-verify=false", image)
    buildah("rm", "--all")
    buildah("rmi", "--all", "--force")

    assert buildah("pull", "--tls-verify=false", image) == built
    stored = registry.client.ask("GET", f"/v2/buildah/{format_}/manifests/v1")
    assert stored.headers["Content-Type"] == media_type
    again = Path(buildah("mount", buildah("from", image)))
    assert (again / "hello").read_text() == "hello\n"


def test_a_list_is_pushed_with_all_its_images(
    buildah: Buildah, registry: Lading, layout: Layout
) -> None:
    image = f"{registry.host}/buildah/many:latest"
    buildah("manifest", "create", "many")
    buildah("manifest", "add", "--all", "many", f"oci:{layout.path}:latest")

    buildah("manifest", "push", "--all", "--tls-verify=false", "many", f"docker://{image}")

    for architecture in ARCHITECTURES:
        buildah("pull", "--tls-verify=false", f"--arch={architecture}", image)
        assert f'"architecture": "{architecture}"' in buildah("inspect", "--type=image", image)

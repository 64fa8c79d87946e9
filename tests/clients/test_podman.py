"""podman pushes and pulls in both formats, and pushes whole lists."""

import random
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.commands import require, require_root, run
from tests.support.lading import Lading, lading_serve
from tests.support.layouts import ARCHITECTURES, Layout
from tests.support.nginx import BEHIND_NGINX, nginx_before
from tests.support.pairs import Pair
from tests.support.podman import Podman, private_podman
from tests.support.pushes import DOCKER_MANIFEST, OCI_MANIFEST

pytestmark = pytest.mark.e2e


@pytest.fixture
def podman(tmp_path: Path) -> Iterator[Podman]:
    with private_podman(tmp_path / "storage") as podman:
        yield podman


@pytest.mark.parametrize(
    ("format_", "media_type"), [("oci", OCI_MANIFEST), ("v2s2", DOCKER_MANIFEST)]
)
def test_an_image_is_pushed_and_pulled_back(
    podman: Podman, registry: Lading, layout: Layout, format_: str, media_type: str
) -> None:
    image = f"{registry.host}/podman/{format_}:v1"
    pulled = podman.run("pull", f"oci:{layout.path}:latest")
    podman.run("push", "--tls-verify=false", f"--format={format_}", pulled, image)
    podman.run("rmi", "--all", "--force")

    assert podman.run("pull", "--tls-verify=false", image) == pulled
    stored = registry.client.ask("GET", f"/v2/podman/{format_}/manifests/v1")
    assert stored.headers["Content-Type"] == media_type
    assert podman.run("inspect", "--format={{.Digest}}", image) == registry.digest(
        f"podman/{format_}", "v1"
    )


def test_a_list_is_pushed_with_all_its_images(
    podman: Podman, registry: Lading, layout: Layout
) -> None:
    image = f"{registry.host}/podman/many:latest"
    podman.run("manifest", "create", "many")
    podman.run("manifest", "add", "--all", "many", f"oci:{layout.path}:latest")

    podman.run("manifest", "push", "--all", "--tls-verify=false", "many", f"docker://{image}")

    for architecture in ARCHITECTURES:
        podman.run("pull", "--tls-verify=false", f"--arch={architecture}", image)
        assert podman.run("inspect", "--format={{.Architecture}}", image) == architecture


PARTIAL = """
[storage]
driver = "overlay"
graphroot = "{place}/storage"
runroot = "{running}"
[storage.options]
pull_options = {{enable_partial_images = "true"}}
"""
FILES = {f"file{number}": random.Random(number).randbytes(200_000) for number in range(20)}
# Apart from each other, so that they are several ranges of the layer.
CHANGED = ("file3", "file4", "file9", "file15")


@pytest.fixture(params=["direct", "nginx"])
def host(request: pytest.FixtureRequest, pair: Pair, tmp_path: Path) -> Iterator[str]:
    """A registry of its own, or nginx before it."""
    if request.param == "direct":
        with lading_serve(tmp_path, settings=pair(tmp_path)) as registry:
            yield registry.host
        return
    with (
        lading_serve(tmp_path, settings=pair(tmp_path), env=BEHIND_NGINX) as registry,
        nginx_before(registry, tmp_path) as host,
    ):
        yield host


def test_of_a_layer_that_is_known_in_part_only_the_rest_is_pulled(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A layer in `zstd:chunked` comes by ranges, many in one request."""
    require("podman")
    require_root()
    with tempfile.TemporaryDirectory(prefix="podman-") as running:
        configuration = tmp_path / "storage.conf"
        configuration.write_text(PARTIAL.format(place=tmp_path, running=running))
        monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(configuration))
        images = [
            push_files(f"{host}/partial:{version}", tmp_path / version, files)
            for version, files in (
                ("v1", FILES),
                ("v2", FILES | {name: random.Random(name).randbytes(200_000) for name in CHANGED}),
            )
        ]
        run(["podman", "rmi", "--all", "--force"])
        for image in images:
            run(["podman", "pull", "--tls-verify=false", image])
        mounted = Path(run(["podman", "image", "mount", images[1]]).stdout.decode().strip())
        for name in FILES:
            assert (mounted / name).read_bytes() == (tmp_path / "v2" / name).read_bytes()
        run(["podman", "image", "umount", images[1]])
        run(["podman", "rmi", "--all", "--force"])
        run(["umount", tmp_path / "storage/overlay"], check=False)
    said = (tmp_path / "lading.log").read_text()
    sizes = [int(size) for size in re.findall(r"/blobs/sha256:\S+ HTTP/1\.1\" 206 (\d+)", said)]
    assert len(CHANGED) * 200_000 < sizes[-1] < 1.1 * len(CHANGED) * 200_000


def push_files(image: str, directory: Path, files: Mapping[str, bytes]) -> str:
    """Push an image of these files, as `zstd:chunked`."""
    directory.mkdir()
    for name, data in files.items():
        (directory / name).write_bytes(data)
    (directory / "Containerfile").write_text("FROM scratch\nCOPY file* /\n")
    run(["podman", "build", "--quiet", f"--tag={image}", directory])
    chunked = "--compression-format=zstd:chunked"
    run(["podman", "push", "--quiet", "--tls-verify=false", chunked, image])
    return image

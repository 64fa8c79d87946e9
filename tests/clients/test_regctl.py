"""regctl copies images with what refers to them, and deletes tags one by one."""

from pathlib import Path

import pytest

from tests.support.commands import require, run
from tests.support.lading import Lading
from tests.support.layouts import Layout
from tests.support.oddities import ODD, assert_mirrored, push_odd_manifests
from tests.support.pushes import Repository

pytestmark = pytest.mark.e2e


@pytest.fixture(autouse=True)
def _plain_http(registry: Lading, home: Path) -> None:
    regctl("registry", "set", "--tls=disabled", registry.host)


def regctl(*words: str | Path, stdin: bytes = b"") -> str:
    """Run regctl; return what it printed."""
    require("regctl")
    return run(["regctl", *words], stdin=stdin).stdout.decode().strip()


def test_a_list_comes_back_with_what_refers_to_it(
    registry: Lading, layout: Layout, tmp_path: Path
) -> None:
    image, copy = f"{registry.host}/regctl/image:v1", f"{registry.host}/regctl/copy:v1"
    regctl("image", "copy", f"ocidir://{layout.path}:latest", image)
    artifact = ("--artifact-type=application/spdx+json", f"--subject={image}")
    regctl("artifact", "put", *artifact, stdin=b"{}")

    regctl("image", "copy", "--referrers", image, copy)
    regctl("image", "copy", copy, f"ocidir://{tmp_path / 'back'}:latest")

    assert regctl("image", "digest", copy) == layout.digest
    referrers = [
        regctl("artifact", "list", "--format={{range .Descriptors}}{{.Digest}} {{end}}", name)
        for name in (image, copy)
    ]
    assert referrers[0] == referrers[1] != ""
    assert layout.is_in(tmp_path / "back")


def test_a_tag_is_deleted_and_the_image_stays(registry: Lading, layout: Layout) -> None:
    name = f"{registry.host}/regctl/tags"
    for tag in ("v1", "v2"):
        regctl("image", "copy", f"ocidir://{layout.path}:latest", f"{name}:{tag}")

    regctl("tag", "delete", f"{name}:v1")

    assert regctl("tag", "ls", name).split() == ["v2"]
    assert regctl("image", "digest", f"{name}:v2") == layout.digest
    regctl("manifest", "delete", f"{name}@{layout.digest}")
    assert regctl("tag", "ls", name) == ""
    assert "regctl/tags" in regctl("repo", "ls", registry.host).split()


def test_a_blob_is_put_and_got(registry: Lading) -> None:
    name, data = f"{registry.host}/regctl/blobs", bytes(range(256)) * 10_000

    digest = regctl("blob", "put", "--format={{.Digest}}", name, stdin=data)

    got = run(["regctl", "blob", "get", name, digest]).stdout
    assert got == data


def test_odd_manifests_are_mirrored_as_they_are(registry: Lading) -> None:
    push_odd_manifests(Repository(registry.client, "regctl/odd"))

    for name in ODD:
        source, target = (f"{registry.host}/regctl/{part}:{name}" for part in ("odd", "mirror"))
        regctl("image", "copy", source, target)

    assert_mirrored(Repository(registry.client, "regctl/mirror"))

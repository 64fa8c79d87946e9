"""skopeo copies images and whole lists, in both formats, and deletes them."""

import json
from pathlib import Path

import pytest

from tests.support.commands import require, run
from tests.support.lading import Lading
from tests.support.layouts import ARCHITECTURES, Layout
from tests.support.pushes import DOCKER_LIST, DOCKER_MANIFEST

pytestmark = pytest.mark.e2e


def skopeo(*words: str, architecture: str = "amd64") -> str:
    """Run skopeo; return what it printed."""
    require("skopeo")
    return run(["skopeo", f"--override-arch={architecture}", *words]).stdout.decode()


def copy(source: str, target: str, *options: str, architecture: str = "amd64") -> None:
    """Copy an image over plain HTTP."""
    plain = ("--src-tls-verify=false", "--dest-tls-verify=false")
    skopeo("copy", *plain, *options, source, target, architecture=architecture)


def test_a_list_comes_back_as_it_was_copied_here(
    registry: Lading, layout: Layout, tmp_path: Path
) -> None:
    image = f"docker://{registry.host}/skopeo/oci:latest"

    copy(f"oci:{layout.path}:latest", image, "--all", "--preserve-digests")
    copy(image, f"oci:{tmp_path / 'back'}:latest", "--all", "--preserve-digests")

    assert registry.digest("skopeo/oci", "latest") == layout.digest
    assert layout.is_in(tmp_path / "back")


def test_a_list_is_converted_to_dockers_format(
    registry: Lading, layout: Layout, tmp_path: Path
) -> None:
    image = f"docker://{registry.host}/skopeo/docker:latest"

    copy(f"oci:{layout.path}:latest", image, "--all", "--format=v2s2")

    copied = json.loads(skopeo("inspect", "--tls-verify=false", "--raw", image))
    assert copied["mediaType"] == DOCKER_LIST
    assert [child["mediaType"] for child in copied["manifests"]] == [DOCKER_MANIFEST] * 2
    for architecture in ARCHITECTURES:
        copy(image, f"dir:{tmp_path / architecture}", architecture=architecture)
        for layer in layout.document(layout.image(architecture))["layers"]:
            file = tmp_path / architecture / layer["digest"].removeprefix("sha256:")
            assert file.read_bytes() == layout.blob(layer["digest"])


@pytest.mark.parametrize("format_", ["oci", "v2s2"])
def test_one_image_is_copied_from_repository_to_repository(
    registry: Lading, layout: Layout, format_: str
) -> None:
    first, second = f"skopeo/one-{format_}", f"skopeo/two-{format_}"

    copy(f"oci:{layout.path}:latest", f"docker://{registry.host}/{first}", f"--format={format_}")
    copy(f"docker://{registry.host}/{first}", f"docker://{registry.host}/{second}")

    assert registry.digest(first, "latest") == registry.digest(second, "latest")


def test_what_is_deleted_is_gone(registry: Lading, layout: Layout) -> None:
    name = f"docker://{registry.host}/skopeo/delete"
    for tag in ("v1", "v2"):
        copy(f"oci:{layout.path}:latest", f"{name}:{tag}", "--all")
    assert _tags(name) == ["v1", "v2"]

    skopeo("delete", "--tls-verify=false", f"{name}:v1")

    # skopeo deletes the manifest, which both tags lead to.
    assert _tags(name) == []


def _tags(name: str) -> object:
    return json.loads(skopeo("list-tags", "--tls-verify=false", name))["Tags"]

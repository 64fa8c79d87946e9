"""crane pushes layouts, copies, appends, validates and deletes."""

import json
from pathlib import Path

import pytest

from tests.support.commands import require, run
from tests.support.lading import Lading
from tests.support.layouts import Layout
from tests.support.oddities import ODD, assert_mirrored, push_odd_manifests
from tests.support.pushes import DOCKER_MANIFEST, Repository
from tests.support.tars import archive

pytestmark = pytest.mark.e2e


def crane(*words: str | Path) -> str:
    """Run crane; return what it printed."""
    require("crane")
    return run(["crane", *words]).stdout.decode().strip()


def test_a_list_comes_back_as_it_was_pushed(
    registry: Lading, layout: Layout, tmp_path: Path
) -> None:
    image = f"{registry.host}/crane/many:latest"

    pushed = crane("push", "--index", layout.path, image)
    crane("pull", "--format=oci", image, tmp_path / "back")

    assert pushed.endswith(f"@{crane('digest', image)}")
    assert layout.is_in(tmp_path / "back")
    crane("validate", f"--remote={image}")


def test_an_image_is_made_copied_and_deleted(registry: Lading, tmp_path: Path) -> None:
    layer = tmp_path / "layer.tar"
    layer.write_bytes(archive({"hello": b"hello\n"}))
    first, second = f"{registry.host}/crane/one", f"{registry.host}/crane/two"

    crane("append", f"--new_layer={layer}", f"--new_tag={first}:v1")
    crane("copy", f"{first}:v1", f"{second}:v1")
    crane("tag", f"{second}:v1", "stable")

    assert json.loads(crane("manifest", f"{first}:v1"))["mediaType"] == DOCKER_MANIFEST
    assert crane("digest", f"{first}:v1") == crane("digest", f"{second}:stable")
    assert crane("ls", second).split() == ["stable", "v1"]
    assert {"crane/one", "crane/two"} <= set(crane("catalog", registry.host).split())
    crane("delete", f"{second}@{crane('digest', f'{second}:v1')}")
    assert crane("ls", second) == ""
    crane("validate", f"--remote={first}:v1")


def test_a_tag_is_deleted_and_the_image_stays(registry: Lading, layout: Layout) -> None:
    name = f"{registry.host}/crane/tags"
    crane("push", "--index", layout.path, f"{name}:v1")
    crane("tag", f"{name}:v1", "v2")

    crane("delete", f"{name}:v1")

    assert crane("ls", name) == "v2"
    crane("validate", f"--remote={name}:v2")


def test_odd_manifests_are_mirrored_as_they_are(registry: Lading) -> None:
    push_odd_manifests(Repository(registry.client, "crane/odd"))

    for name in ODD:
        crane("copy", f"{registry.host}/crane/odd:{name}", f"{registry.host}/crane/mirror:{name}")

    assert_mirrored(Repository(registry.client, "crane/mirror"))

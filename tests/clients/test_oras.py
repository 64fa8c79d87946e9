"""oras pushes any file, attaches to what is there, discovers what is attached, and deletes it."""

import json
from pathlib import Path

import pytest

from tests.support.commands import require, run
from tests.support.lading import Lading
from tests.support.layouts import Layout

pytestmark = pytest.mark.e2e

SBOM = "application/spdx+json"


def oras(*words: str | Path, cwd: Path | None = None) -> str:
    """Run oras; return what it printed."""
    require("oras")
    return run(["oras", *words], cwd=cwd).stdout.decode().strip()


def test_a_file_is_pushed_and_pulled(registry: Lading, tmp_path: Path) -> None:
    artifact = f"{registry.host}/oras/file:v1"
    (tmp_path / "model.bin").write_bytes(bytes(range(256)) * 10_000)
    push = ("push", "--plain-http", "--artifact-type=application/x-model", artifact, "model.bin")

    oras(*push, cwd=tmp_path)
    oras("pull", "--plain-http", f"--output={tmp_path / 'back'}", artifact)

    back = (tmp_path / "back" / "model.bin").read_bytes()
    assert back == (tmp_path / "model.bin").read_bytes()


def test_what_is_attached_is_discovered_and_copied_along(
    registry: Lading, layout: Layout, tmp_path: Path
) -> None:
    image, copy = f"{registry.host}/oras/image:v1", f"{registry.host}/oras/copy:v1"
    (tmp_path / "sbom.json").write_text("{}")
    attach = ("attach", "--plain-http", f"--artifact-type={SBOM}", image, "sbom.json")
    oras("cp", "--from-oci-layout", "--to-plain-http", f"{layout.path}:latest", image)
    assert _discover(image) == []

    oras(*attach, cwd=tmp_path)

    [sbom] = _discover(image)
    assert _discover(image, f"--artifact-type={SBOM}") == [sbom]
    assert _discover(image, "--artifact-type=application/x-other") == []
    oras("cp", "--recursive", "--from-plain-http", "--to-plain-http", image, copy)
    assert _discover(copy) == [sbom]
    assert registry.digest("oras/copy", "v1") == layout.digest


def test_what_is_deleted_is_no_longer_discovered(
    registry: Lading, layout: Layout, tmp_path: Path
) -> None:
    image = f"{registry.host}/oras/delete:v1"
    (tmp_path / "sbom.json").write_text("{}")
    attach = ("attach", "--plain-http", f"--artifact-type={SBOM}", image, "sbom.json")
    oras("cp", "--from-oci-layout", "--to-plain-http", f"{layout.path}:latest", image)
    oras(*attach, cwd=tmp_path)
    [sbom] = _discover(image)

    oras("manifest", "delete", "--plain-http", "--force", f"{registry.host}/oras/delete@{sbom}")

    assert _discover(image) == []
    oras("manifest", "delete", "--plain-http", "--force", image)
    assert oras("repo", "tags", "--plain-http", f"{registry.host}/oras/delete") == ""


def _discover(image: str, *options: str) -> list[str]:
    said = json.loads(oras("discover", "--plain-http", "--format=json", *options, image))
    return [referrer["digest"] for referrer in said["referrers"] or []]

"""`lading import`, from the command line."""

import json
import os
from pathlib import Path

import pytest

from tests.support.commands import run
from tests.support.lading import lading_serve, program
from tests.support.layouts import write_layout
from tests.support.pushes import Repository


@pytest.fixture
def place(tmp_path: Path) -> dict[str, str]:
    """The variables that say where the registry is."""
    return {"REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": str(tmp_path / "data")}


def test_all_layouts_below_a_directory_are_imported_while_the_server_runs(tmp_path: Path) -> None:
    one, two = (write_layout(tmp_path / "zot" / name) for name in ("team/one", "two"))
    (tmp_path / "zot/.uploads").mkdir()
    with lading_serve(tmp_path) as registry:
        said = run([program(), "import", "--config", registry.config, tmp_path / "zot"])
        assert "6 manifests and 2 tags into 2 repositories" in said.stdout.decode()
        for name, layout in (("team/one", one), ("two", two)):
            answer = Repository(registry.client, name).ask("HEAD", "/manifests/latest")
            assert answer.headers["Docker-Content-Digest"] == layout.digest
        again = run([program(), "import", "--json", "--config", registry.config, tmp_path / "zot"])
        assert json.loads(again.stdout)["summary"]["manifests"] == 0


def test_one_layout_goes_where_it_is_told_to(tmp_path: Path, place: dict[str, str]) -> None:
    layout = write_layout(tmp_path / "layout")
    said = run([program(), "import", layout.path, "team/app"], env=place)
    assert b"team/app" in said.stderr
    assert said.stderr.startswith(b"Looking for image layouts in ")
    index = layout.path / "index.json"
    index.write_text(index.read_text().replace("latest", "no tag!"))
    done = run([program(), "import", layout.path, "team/app"], env=place, check=False)
    assert done.returncode == 1
    assert b"it was left out" in done.stdout


def test_a_directory_without_layouts_is_said(tmp_path: Path, place: dict[str, str]) -> None:
    done = run([program(), "import", tmp_path], env=place, check=False)
    assert done.returncode == 1
    assert b"there is no OCI image layout" in done.stderr
    assert b"skopeo copy dir:DIR oci:NEW:TAG" in done.stderr
    (tmp_path / "image.tar").write_bytes(b"an archive")
    done = run([program(), "import", tmp_path / "image.tar"], env=place, check=False)
    assert done.returncode == 2
    said = b" ".join(done.stderr.split())
    assert b"is a file" in said
    assert b"unpack it" in said


def test_named_pipes_in_a_layout_are_damage_and_waited_for_by_nobody(
    tmp_path: Path, place: dict[str, str]
) -> None:
    broken, odd = (write_layout(tmp_path / "in" / name) for name in ("broken", "odd"))
    (broken.path / "index.json").unlink()
    os.mkfifo(broken.path / "index.json")
    blob = odd.path / "blobs/sha256" / odd.digest.partition(":")[2]
    blob.unlink()
    os.mkfifo(blob)

    done = run([program(), "import", tmp_path / "in"], env=place, check=False)

    said = b" ".join(done.stdout.split())
    assert done.returncode == 1
    assert b"no regular file" in said
    assert f"it needs {odd.digest}".encode() in said

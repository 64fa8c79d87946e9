"""`lading export`: the links of Distribution, from the command line."""

import json
from pathlib import Path
from unittest.mock import AsyncMock

import click
import pytest

from lading.cli.commands import main
from lading.core.errors import StorageFull
from lading.services.moving import export as exporting
from tests.support.adopting import fill
from tests.support.commands import run
from tests.support.contents import HELLO
from tests.support.distribution import Tree
from tests.support.exporting import served
from tests.support.lading import lading_serve, program
from tests.support.processes import wait_until
from tests.support.pushes import Repository
from tests.support.volumes import small_volume

DELETING = {"REGISTRY_STORAGE_GARBAGECOLLECT_GRACE": "0s"}


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A volume of Distribution that was adopted."""
    tree = Tree(tmp_path / "data")
    fill(tree)
    run([program(), "adopt", tree.root])
    return tree


def test_what_was_pushed_since_is_exported_while_the_server_runs(tree: Tree) -> None:
    with lading_serve(tree.root.parent) as registry:
        Repository(registry.client, "pushed/since").push_image("latest", b"a layer")
        said = run([program(), "export", tree.root]).stdout.decode()
        assert "Repositories  3" in said
    assert "pushed/since:latest" in served(tree)
    done = json.loads(run([program(), "export", "--json", tree.root]).stdout)
    assert (done["links"], done["blobs"]) == (0, 0)


def test_all_goes_to_another_directory_too(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {tree.root}}}}}\n"
    )
    run([program(), "export", "--config", tmp_path / "config.yml", tmp_path / "there"])
    assert served(Tree(tmp_path / "there")) == served(tree)


def test_what_another_registry_has_is_changed_only_on_demand(tree: Tree, tmp_path: Path) -> None:
    """Its tags of the same names would move without a word; once it was said, that is known."""
    (tmp_path / "config.yml").write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {tree.root}}}}}\n"
    )
    command: list[str | Path] = [program(), "export", "--config", tmp_path / "config.yml"]
    other = Tree(tmp_path / "other")
    fill(other)
    before = served(other)

    refused = run([*command, other.root], check=False)
    assert refused.returncode == 1
    assert "what another registry keeps" in refused.stderr.decode()
    assert "--over" in refused.stderr.decode()
    assert served(other) == before

    run([*command, "--over", other.root])
    run([*command, other.root])
    run([*command, tmp_path / "there"])
    run([*command, tmp_path / "there"])
    assert served(Tree(tmp_path / "there")) == served(tree)


def test_where_there_is_no_registry_there_is_nothing_to_export(tmp_path: Path) -> None:
    place = {"REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": str(tmp_path / "nowhere")}
    done = run([program(), "export", tmp_path / "there"], env=place, check=False)
    assert done.returncode == 1
    assert "no registry has kept its data" in done.stderr.decode()
    assert not (tmp_path / "there").exists()


def test_a_place_where_nothing_can_be_written_is_the_one_that_is_named(
    tree: Tree, tmp_path: Path
) -> None:
    """Not the data of this registry, which are well."""
    (tmp_path / "file").touch()
    place = {"REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": str(tree.root)}
    done = run([program(), "export", tmp_path / "file/there"], env=place, check=False)

    assert done.returncode == 1
    said = done.stderr.decode()
    assert f"nothing can be written in {tmp_path}/file/there: Not a directory" in said
    assert "rootdirectory" not in said


@pytest.mark.e2e
def test_a_full_disk_is_said_to_be_that_of_the_export(tree: Tree, tmp_path: Path) -> None:
    place = {"REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": str(tree.root)}
    with small_volume("tmpfs", tmp_path / "small", size=64 * 1024) as volume:
        done = run([program(), "export", volume.path / "there"], env=place, check=False)

    assert done.returncode == 1
    assert f"no room left where this is written, in {tmp_path}/small" in done.stderr.decode()


def test_a_full_database_is_not_taken_for_the_disk_of_the_export(
    tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Room made there would not help."""
    monkeypatch.setenv("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", str(tree.root))
    monkeypatch.setattr(exporting, "run", AsyncMock(side_effect=StorageFull))

    with pytest.raises(click.ClickException) as caught:
        main.main(["export", str(tmp_path / "there")], standalone_mode=False)

    assert caught.value.message == StorageFull.summary


def test_a_collection_leaves_what_there_are_links_to(tree: Tree) -> None:
    """So that the other registry can serve it, whatever is collected here."""
    with lading_serve(tree.root.parent, env=DELETING) as registry:
        pushed = Repository(registry.client, HELLO)
        digest = pushed.push_image("since", b"a layer")
        run([program(), "export", tree.root])
        registry.run("verify", "--repair", "--delete-unknown")
        assert tree.data(digest).exists()
        assert f"{HELLO}:since" in served(tree)
        assert pushed.ask("DELETE", f"/manifests/{digest}").status == 202
        run([program(), "export", tree.root])
        assert f"{HELLO}:since" not in served(tree)


def test_a_server_keeps_links_if_it_is_told_to(tree: Tree) -> None:
    keep = {"REGISTRY_STORAGE_FILESYSTEM_KEEPLINKS": "true"}
    with lading_serve(tree.root.parent, env=keep) as registry:
        Repository(registry.client, "pushed/since").push_image("latest", b"a layer")
        wait_until(lambda: "pushed/since:latest" in served(tree), "the link")

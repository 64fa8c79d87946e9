"""`lading adopt`, and a server that does the same when it starts."""

import errno
import json
import logging
import shlex
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from lading.blobs import file_blobs
from lading.blobs.layout import Layout
from lading.cli.commands import main
from tests.support.adopting import CONTENTS, MULTI, NEW, OLD, UNTAGGED, fill
from tests.support.commands import run
from tests.support.contents import HELLO, image
from tests.support.distribution import Tree
from tests.support.lading import lading_serve, program
from tests.support.pushes import Repository, digest_of
from tests.support.volumes import small_volume

ADOPT = {"REGISTRY_STORAGE_FILESYSTEM_FOREIGNBLOBS": "adopt"}


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A volume of Distribution, where a configuration beside it says that the data is."""
    tree = Tree(tmp_path / "data")
    fill(tree)
    return tree


def names(root: Path) -> set[tuple[str, int]]:
    """All that is there, each with when it was changed."""
    return {(str(path), path.lstat().st_mtime_ns) for path in [root, *root.rglob("*")]}


def assert_served(directory: Path, **env: str) -> None:
    with lading_serve(directory, env=env) as registry:
        hello = Repository(registry.client, HELLO)
        for reference, manifest in {
            "old": OLD,
            "latest": NEW,
            "multi": MULTI,
            UNTAGGED.digest: UNTAGGED,
        }.items():
            answer = hello.ask("GET", f"/manifests/{reference}")
            assert answer.body == manifest.body
            assert answer.headers["Content-Type"] == manifest.media_type
        for data in CONTENTS:
            assert hello.ask("GET", f"/blobs/{digest_of(data)}").body == data


def test_a_plan_says_what_would_be_done_and_changes_nothing(tree: Tree) -> None:
    tree.data(digest_of(b"new layer")).unlink()
    before = names(tree.root)
    done = run([program(), "adopt", "--dry-run", tree.root], check=False)
    assert done.returncode == 1
    said = done.stdout.decode()
    assert "5 manifests and 5 tags" in said
    assert "its bytes are gone" in said
    assert "2 repositories, 9 blobs" in said
    assert "less than a minute" in said
    assert f"lading adopt {tree.root}" in said
    assert "Checking every tag to every byte" in done.stderr.decode()
    assert names(tree.root) == before


@pytest.mark.parametrize("words", [["adopt", "--checksums"], ["verify", "--checksums"]])
def test_bytes_that_cannot_be_read_are_told_once(
    tree: Tree,
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """By what is found wrong, and not by a log, too, which has no more to say."""
    monkeypatch.setenv("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", str(tree.root))
    assert CliRunner().invoke(main, ["adopt"]).exit_code == 0

    def fail(_descriptor: int, _running: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(file_blobs, "_hash_next", fail)
    done = CliRunner().invoke(main, words)

    assert done.exit_code == 1
    assert "its bytes cannot be read" in done.output
    assert not caplog.records


def test_a_check_that_fails_says_why(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """There is no other log that could say it."""
    monkeypatch.setenv("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", str(tree.root))
    assert CliRunner().invoke(main, ["adopt"]).exit_code == 0

    def fail(_: object) -> Iterator[tuple[str, str]]:
        yield ("sha256", "00")
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Layout, "shards", fail)
    done = CliRunner().invoke(main, ["verify"])
    assert done.exit_code == 1
    (record,) = caplog.records
    assert "Input/output error" in record.getMessage()
    assert not logging.getLogger("lading.blobs").handlers


def test_a_plan_knows_what_was_adopted_before(tree: Tree) -> None:
    """The last run is short, which its plan should say."""
    run([program(), "adopt", tree.root])
    third = image(b"third", b"base")
    tree.push(HELLO, third, "third", contents=[b"third"])
    shutil.rmtree(tree.tag_folder(HELLO, "old"))

    for options in (["--dry-run"], ["--dry-run"], []):
        said = run([program(), "adopt", *options, tree.root]).stdout.decode()
        assert "1 manifest and 1 tag that are new" in said
        assert "Gone          1 tag or manifest deleted there since" in said
    said = run([program(), "adopt", "--dry-run", tree.root]).stdout.decode()
    assert "0 manifests and 0 tags that are new" in said


@pytest.mark.e2e
@pytest.mark.parametrize("adopted", [True, False])
def test_a_plan_for_which_there_is_no_room_says_where_there_is_none(
    tree: Tree, tmp_path: Path, adopted: bool
) -> None:
    """Room beside the images would not help, and a table of the database may fill the memory."""
    if adopted:
        run([program(), "adopt", tree.root])
    with small_volume("tmpfs", tmp_path / "small", size=128 * 1024) as volume:
        there = {"TMPDIR": str(volume.path)}
        done = run([program(), "adopt", "--dry-run", tree.root], env=there, check=False)
        assert list(volume.path.iterdir()) == []

    assert done.returncode == 1
    said = done.stderr.decode()
    assert (
        f"there is no more in {tmp_path}/small: name a directory on another disk in TMPDIR" in said
    )
    assert "Traceback" not in said


def test_a_plan_of_nothing_makes_nothing(tmp_path: Path) -> None:
    """Neither a directory nor a database, nor a log of what was done."""
    empty = tmp_path / "empty"
    empty.mkdir()
    before = names(tmp_path)
    log = {"REGISTRY_AUDIT_FILE": str(tmp_path / "audit.log")}

    said = run([program(), "adopt", "--dry-run", empty], env=log, cwd=tmp_path).stdout.decode()

    assert "0 manifests and 0 tags" in said
    assert names(tmp_path) == before


@pytest.mark.parametrize(
    "named",
    ["data/docker", "data/docker/registry/v2", "data/docker/registry/v2/repositories", "."],
)
def test_who_names_another_directory_is_told_which_one_is_meant(named: str, tree: Tree) -> None:
    """Else nothing would be taken over, with success, and a registry begun in there."""
    (tree.root.parent / "beside").write_text("")
    before = names(tree.root.parent)
    for options in (["--dry-run"], []):
        done = run([program(), "adopt", *options, tree.root.parent / named], check=False)

        assert done.returncode == 1
        assert f"`lading adopt {tree.root}`" in done.stderr.decode()
    assert names(tree.root.parent) == before


@pytest.mark.parametrize(
    ("file", "advice"), [("team/app/oci-layout", "lading import"), ("a/b", "`rootdirectory`")]
)
def test_what_is_no_volume_is_not_taken_for_an_empty_one(
    file: str, advice: str, tmp_path: Path
) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text("{}")
    before = names(tmp_path)

    done = run([program(), "adopt", tmp_path], check=False)

    assert done.returncode == 1
    assert advice in done.stderr.decode()
    assert names(tmp_path) == before


@pytest.mark.parametrize("options", [["--dry-run"], []])
def test_blobs_to_which_nothing_leads_are_no_garbage_to_take_over(
    options: Sequence[str], tree: Tree
) -> None:
    """As of GitLab's registry with its database: a plan says the same as what is planned."""
    shutil.rmtree(tree.root / "docker/registry/v2/repositories")
    before = names(tree.root)

    done = run([program(), "adopt", *options, tree.root], check=False)

    assert done.returncode == 1
    assert "GitLab" in done.stderr.decode()
    assert names(tree.root) == before


def test_a_disk_that_is_new_is_an_empty_volume(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()

    assert "0 manifests" in run([program(), "adopt", tmp_path]).stdout.decode()


def test_what_was_adopted_is_served(tree: Tree) -> None:
    done = run([program(), "adopt", "--checksums", tree.root])
    assert "5 manifests and 5 tags" in done.stdout.decode()
    assert "all that it needs is hashed" in done.stdout.decode()
    assert_served(tree.root.parent)


def test_a_server_offers_to_adopt(tree: Tree) -> None:
    done = run([program(), "serve"], env=_place(tree), check=False)
    assert done.returncode == 1
    assert f"history: `lading adopt {tree.root}`" in done.stderr.decode()


def test_a_server_adopts_when_it_starts_if_it_is_told_to_and_only_once(tree: Tree) -> None:
    assert_served(tree.root.parent, **ADOPT)
    before = (tree.root / "lading/adopted.json").stat()
    assert_served(tree.root.parent, **ADOPT)
    assert (tree.root / "lading/adopted.json").stat().st_mtime == before.st_mtime


def test_what_was_adopted_is_not_adopted_again_when_its_database_is_lost(tree: Tree) -> None:
    """What was pushed since is in no link of Distribution's."""
    run([program(), "adopt", tree.root])
    for path in (tree.root / "lading").glob("metadata*"):
        path.unlink()
    for command in (["serve"], ["adopt", tree.root]):
        done = run([program(), *command], env=_place(tree) | ADOPT, check=False)
        assert done.returncode == 1
        assert "they were taken over before" in done.stderr.decode()
    (tree.root / "lading/adopted.json").unlink()
    run([program(), "adopt", tree.root])


def test_objects_are_not_adopted_and_the_ways_are_said(tmp_path: Path) -> None:
    config = tmp_path / "config.yml"
    s3 = {"bucket": "images", "region": "local", "accesskey": "key", "secretkey": "secret"}
    config.write_text(yaml.safe_dump({"version": 0.1, "storage": {"s3": s3}}))
    done = run([program(), "adopt", "--config", config], check=False)
    assert done.returncode == 1
    assert "`lading cp OLD/REPOSITORY NEW/REPOSITORY --tags '*'`" in done.stderr.decode()


def test_an_adoption_that_did_not_end_is_not_served(tree: Tree) -> None:
    run([program(), "adopt", tree.root])
    with sqlite3.connect(tree.root / "lading/metadata.sqlite3") as connection:
        connection.execute("INSERT INTO switches VALUES ('adopting', 'somebody', 1)")
    connection.close()
    done = run([program(), "serve"], env=_place(tree), check=False)
    assert done.returncode == 1
    assert "run `lading adopt` again" in done.stderr.decode()
    run([program(), "adopt", tree.root])
    assert_served(tree.root.parent)


def test_programs_get_a_document_for_each_finding_and_one_at_the_end(tree: Tree) -> None:
    (tree.tag_folder(HELLO, "latest") / "current/link").write_text("")
    done = run([program(), "adopt", "--json", tree.root])
    finding, summary = map(json.loads, done.stdout.decode().splitlines())
    assert finding["finding"]["kind"] == "link-wrong"
    assert summary["summary"]["manifests"] == 5
    assert summary["summary"]["findings"] == {"link-wrong": 1}


def test_the_line_to_run_next_is_for_a_shell(tmp_path: Path) -> None:
    """Whatever is in the name of the place: the line is copied, and run as it is."""
    tree = Tree(tmp_path / "it's the old registry")
    fill(tree)
    said = run([program(), "adopt", "--dry-run", tree.root]).stdout.decode()
    line = shlex.split(said.partition("Next ")[2])
    assert line == ["lading", "adopt", str(tree.root)]
    near = run([program(), "adopt", tree.root / "docker"], check=False).stderr.decode()
    assert shlex.split(near.split("`")[-2]) == line


def test_an_object_store_is_no_place_to_adopt_in(tree: Tree, tmp_path: Path) -> None:
    config = tmp_path / "s3.yml"
    config.write_text("version: 0.1\nstorage: {s3: {region: us-east-1, bucket: images}}\n")
    done = run([program(), "adopt", "--config", config, tree.root], check=False)
    assert done.returncode == 1
    assert "lading migrate" in done.stderr.decode()


def _place(tree: Tree) -> dict[str, str]:
    return {
        "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": str(tree.root),
        "REGISTRY_HTTP_ADDR": "127.0.0.1:0",
    }

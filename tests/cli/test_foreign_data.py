"""Blobs that no database knows: nobody begins beside them unawares, and nobody deletes them."""

import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.commands import run
from tests.support.distribution import Tree
from tests.support.lading import lading_serve, program
from tests.support.pushes import Repository, digest_of

LAYER = b"a layer of Distribution"
OWN = b"a layer of lading" * 100
KEEP = {
    "REGISTRY_STORAGE_FILESYSTEM_FOREIGNBLOBS": "keep",
    "REGISTRY_STORAGE_GARBAGECOLLECT_GRACE": "0s",
}


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Distribution's directory, where a configuration beside it says that the data is."""
    tree = Tree(tmp_path / "data")
    tree.layer("team/app", LAYER)
    tree.manifest("team/app", "latest", b"a manifest")
    (tmp_path / "config.yml").write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {tree.root}}}}}\n"
        "http: {addr: '127.0.0.1:0'}\n"
    )
    return tree


def command(
    name: str, directory: Path, *options: str, **env: str
) -> subprocess.CompletedProcess[bytes]:
    return run([program(), name, *options, directory / "config.yml"], env=env, check=False)


def begin(directory: Path) -> None:
    """Begin a registry beside what is there, as the server does that is told to."""
    with lading_serve(directory, env=KEEP):
        pass


def contents(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["serve", "verify"])
def test_nobody_begins_in_the_directory_of_distribution_unawares(tree: Tree, name: str) -> None:
    before = contents(tree.root)
    options = ["--repair"] if name == "verify" else []
    done = command(name, tree.root.parent, *options, REGISTRY_STORAGE_GARBAGECOLLECT_GRACE="0s")
    assert done.returncode == 1
    said = done.stderr.decode()
    assert "repositories of CNCF Distribution (team/app)" in said
    assert "storage.filesystem.foreignblobs" in said
    assert "nothing was changed" in said
    assert "Traceback" not in said
    assert contents(tree.root) == before


def test_a_database_that_began_there_before_is_as_good_as_none(tree: Tree) -> None:
    begin(tree.root.parent)
    assert (tree.root / "lading/metadata.sqlite3").exists()
    done = command("serve", tree.root.parent)
    assert done.returncode == 1
    assert b"CNCF Distribution" in done.stderr


def test_told_to_it_begins_and_keeps_what_is_there(tree: Tree, tmp_path: Path) -> None:
    foreign = contents(tree.root)
    stray = tree.blob(b"of no repository")
    with lading_serve(tree.root.parent, env=KEEP) as registry:
        hello = Repository(registry.client, "hello")
        hello.push_image("latest", OWN)
        done = command("verify", tmp_path, "--repair", **KEEP)
        assert b"another registry keeps its blobs here" in done.stdout
        # What nobody refers to goes when a person says so, and not before.
        assert stray.exists()
        done = command("verify", tmp_path, "--repair", "--delete-unknown", **KEEP)
        assert done.returncode == 0
        assert not stray.exists()
        assert foreign.items() <= contents(tree.root).items()


@pytest.mark.parametrize(
    "path", ["", "team", "team/app", "team/app/_layers", "team/app/_layers/sha256"]
)
def test_nothing_is_deleted_while_a_disk_is_away_that_may_refer_to_it(
    tree: Tree, tmp_path: Path, path: str
) -> None:
    """A symbolic link leads there: what it refers to is not known, rather than nothing."""
    begin(tmp_path)
    assert command("verify", tmp_path, **KEEP).returncode == 0
    place = tree.root / "docker/registry/v2/repositories" / path
    place.rename(tmp_path / "away")
    place.symlink_to(tmp_path / "not there now")
    before = contents(tree.root / "docker")

    for options in (["--repair"], ["--repair", "--delete-unknown"]):
        done = command("verify", tmp_path, *options, **KEEP)
        assert done.returncode != 0
        assert b"leads nowhere" in done.stderr
        assert b"Traceback" not in done.stderr

    assert contents(tree.root / "docker") == before


def test_a_collection_leaves_what_distribution_refers_to(tree: Tree) -> None:
    layer = tree.blob(LAYER)
    with lading_serve(tree.root.parent, env=KEEP) as registry:
        hello = Repository(registry.client, "hello")
        hello.push_image("latest", LAYER)
        hello.push_image("other", OWN)
        for tag in ("latest", "other"):
            digest = hello.ask("HEAD", f"/manifests/{tag}").headers["Docker-Content-Digest"]
            assert hello.ask("DELETE", f"/manifests/{digest}").status == 202
        done = registry.run("garbage-collect", env=KEEP)
        assert digest_of(LAYER) in done.stdout.decode()
        assert not registry.blob_path(OWN).exists()
        assert layer.read_bytes() == LAYER


def test_blobs_whose_database_is_lost_are_not_taken_for_garbage(tmp_path: Path) -> None:
    with lading_serve(tmp_path) as registry:
        Repository(registry.client, "hello").push_image("latest", OWN)
    shutil.rmtree(registry.root / "lading")
    done = command("serve", tmp_path)
    assert done.returncode == 1
    assert b"the database that knows them is not there" in done.stderr
    assert b"restore-backup" in done.stderr
    command("verify", tmp_path, "--repair", **KEEP)
    assert registry.blob_path(OWN).read_bytes() == OWN


@pytest.mark.parametrize("left", [None, b""])
def test_a_log_whose_database_is_lost_is_kept(tmp_path: Path, left: bytes | None) -> None:
    database = tmp_path / "data/lading/metadata.sqlite3"
    database.parent.mkdir(parents=True)
    if left is not None:
        database.write_bytes(left)
    log = Path(f"{database}-wal")
    log.write_bytes(b"what was committed last")
    write_config(tmp_path)
    done = command("serve", tmp_path)
    assert done.returncode == 1
    assert b"the log of a database that is not there" in done.stderr
    assert log.read_bytes() == b"what was committed last"


def test_a_push_that_a_crash_ended_before_any_other_does_not_keep_it_from_starting(
    tmp_path: Path,
) -> None:
    with lading_serve(tmp_path) as registry:
        pass
    upload = "0" * 8 + "-0000-4000-8000-" + "0" * 12 + "-" + "0" * 32
    left = Tree(registry.root).blob(OWN)
    directory = registry.root / "lading/uploads" / ("0" * 12)
    directory.mkdir()
    (directory / f"{upload}.{digest_of(OWN)}").hardlink_to(left)
    with lading_serve(tmp_path) as registry:
        assert registry.client.ask("GET", "/v2/").status == 200


def test_what_a_restored_database_does_not_know_any_more_is_kept(tmp_path: Path) -> None:
    """The database that knows it is kept beside, and could be brought back."""
    with lading_serve(tmp_path) as registry:
        hello = Repository(registry.client, "hello")
        hello.push_image("old", b"old")
        registry.run("backup", tmp_path / "backup")
        hello.push_image("new", OWN)
    registry.run("restore-backup", "--force", tmp_path / "backup")
    done = command("verify", tmp_path, "--repair", **KEEP)
    assert b"began or was restored" in done.stdout
    assert registry.blob_path(OWN).read_bytes() == OWN
    done = command("verify", tmp_path, "--repair", "--delete-unknown", **KEEP)
    assert done.returncode == 0
    assert not registry.blob_path(OWN).exists()
    assert command("verify", tmp_path).returncode == 0


def test_the_database_of_other_blobs_deletes_none_of_these(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with lading_serve(tmp_path / "other") as other:
        Repository(other.client, "elsewhere").push_image("latest", b"elsewhere")
    with lading_serve(tmp_path) as registry:
        Repository(registry.client, "hello").push_image("latest", OWN)
    for name in ("metadata.sqlite3", "metadata.sqlite3-wal"):
        (registry.root / "lading" / name).unlink(missing_ok=True)
    shutil.copy(other.root / "lading/metadata.sqlite3", registry.root / "lading")
    done = command("verify", tmp_path, "--repair", **KEEP)
    assert b"it may be the database of others" in done.stdout
    assert registry.blob_path(OWN).read_bytes() == OWN


def test_a_lost_database_is_restored_without_the_log_that_it_left(tmp_path: Path) -> None:
    with lading_serve(tmp_path) as registry:
        Repository(registry.client, "hello").push_image("latest", OWN)
        registry.run("backup", tmp_path / "backup")
    database = registry.root / "lading/metadata.sqlite3"
    database.unlink()
    Path(f"{database}-wal").write_bytes(b"stale" * 1000)
    registry.run("restore-backup", tmp_path / "backup")
    (aside,) = database.parent.glob("replaced-*-wal")
    assert aside.read_bytes() == b"stale" * 1000
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT count(*) FROM blobs").fetchone() == (2,)


def test_a_backup_deletes_nothing_that_it_has_not_made(tmp_path: Path) -> None:
    with lading_serve(tmp_path) as registry:
        pass
    mine = tmp_path / "backup.partial" / "mine"
    mine.parent.mkdir()
    mine.write_text("mine")
    done = registry.run("backup", tmp_path / "backup", check=False)
    assert done.returncode == 1
    assert mine.read_text() == "mine"


def write_config(directory: Path) -> None:
    (directory / "config.yml").write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {directory / 'data'}}}}}\n"
    )


@pytest.mark.parametrize(
    "words",
    [
        "backup {there}/backup",
        "backup --done {there}/backup",
        "export {there}/export",
        "garbage-collect --dry-run",
        "garbage-collect",
        "history app:1",
        "ls",
        "read-only on",
        "restore app",
        "token ls",
        "token revoke ci",
        "trash ls",
        "verify --checksums",
        f"why sha256:{'0' * 64}",
    ],
)
def test_where_no_registry_is_none_is_made(words: str, tmp_path: Path) -> None:
    """As with the configuration of another one: its backup would be empty, and all well with it."""
    env = {"REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": str(tmp_path / "none")}

    done = run([program(), *words.format(there=tmp_path).split()], env=env, check=False)

    assert done.returncode == 1
    assert f"no registry has kept its data in {tmp_path / 'none'}" in done.stderr.decode()
    assert not list(tmp_path.iterdir())

"""`lading backup` and `lading restore-backup`: the whole way, with tar to copy the blobs."""

import json
import os
import re
import shlex
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lading.services.backup import new_directory
from tests.support.commands import run
from tests.support.lading import Lading, lading, lading_serve
from tests.support.pushes import Repository, digest_of, encode, image

LAYER = b"a layer" * 1000
MANIFEST = digest_of(encode(image(LAYER)))


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Lading]:
    """A running registry with an image."""
    (tmp_path / "one").mkdir()
    with lading_serve(tmp_path / "one") as registry:
        Repository(registry.client, "library/hello").push_image("latest", LAYER)
        yield registry


def copy_blobs(root: Path, backup: Path, target: Path) -> None:
    """What an operator does; a blob that is listed and not there fails the test."""
    target.mkdir(parents=True, exist_ok=True)
    packed = run(["tar", "-C", root, f"--files-from={backup / 'blobs.txt'}", "-cf", "-"]).stdout
    run(["tar", "-C", target, "-xf", "-"], stdin=packed)


def test_the_lines_to_run_next_are_for_a_shell(registry: Lading, tmp_path: Path) -> None:
    """Whatever is in the names of places: the lines are copied, and run as they are."""
    backup, config = tmp_path / "monday's backup", tmp_path / "the config.yml"
    config.write_bytes(registry.config.read_bytes())
    said = lading("backup", backup, config)
    lines = [shlex.split(line) for line in re.findall("(?:rsync|lading) [^`\n]*", said)]
    assert lines == [
        ["lading", "backup", "--done", str(backup), str(config)],
        ["rsync", "-a", f"--files-from={backup}/blobs.txt", f"{registry.root}/", "TARGET/"],
    ]
    assert "may be collected again" in lading(*lines[0][1:])


def config_for(root: Path) -> Path:
    """A configuration of a registry that was not started yet."""
    root.mkdir(parents=True, exist_ok=True)
    config = root.parent / f"{root.name}.yml"
    config.write_text(f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {root}}}}}\n")
    return config


def test_a_backup_of_a_running_registry_is_restored_elsewhere(
    registry: Lading, tmp_path: Path
) -> None:
    backup, root = tmp_path / "monday", tmp_path / "two" / "data"
    said = lading("backup", backup, registry.config)
    assert f"rsync -a --files-from={backup}/blobs.txt" in said
    copy_blobs(registry.root, backup, root)
    # What is pushed later is not in it.
    Repository(registry.client, "library/hello").push_image("later", b"later")

    config = config_for(root)
    assert "Restored" in lading("restore-backup", backup, config)
    assert "2 blobs and 1 manifest checked: all is well" in lading("verify", "--checksums", config)
    with lading_serve(tmp_path / "two") as restored:
        hello = Repository(restored.client, "library/hello")
        assert hello.ask("GET", "/manifests/latest").body == encode(image(LAYER))
        assert hello.ask("GET", f"/blobs/{digest_of(LAYER)}").body == LAYER
        assert hello.ask("GET", "/tags/list").json["tags"] == ["latest"]


def test_a_backup_made_while_people_push_is_consistent(registry: Lading, tmp_path: Path) -> None:
    stop = threading.Event()
    pushed: list[str] = []

    def push() -> None:
        hello = Repository(registry.client, "library/hello")
        while not stop.is_set():
            layer = os.urandom(2000)
            hello.push_image(f"tag{len(pushed)}", layer)
            pushed.append(digest_of(layer))

    pusher = threading.Thread(target=push)
    pusher.start()
    try:
        for number in range(3):
            backup, root = tmp_path / f"backup{number}", tmp_path / f"restored{number}"
            lading("backup", backup, registry.config)
            copy_blobs(registry.root, backup, root)
            config = config_for(root)
            lading("restore-backup", backup, config)
            assert "all is well" in lading("verify", "--checksums", config)
    finally:
        stop.set()
        pusher.join()
    assert len(pushed) > 10


def test_no_blob_is_collected_between_the_backup_and_its_copy(
    registry: Lading, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    lading("backup", backup, registry.config)
    hello = Repository(registry.client, "library/hello")
    assert hello.ask("DELETE", f"/manifests/{MANIFEST}").status == 202

    said = lading("garbage-collect", registry.config)
    assert "1 manifest, 0 blobs" in said
    assert "no blob is collected until" in said
    assert str(backup) in said
    copy_blobs(registry.root, backup, tmp_path / "copied")

    assert "may be collected again" in lading("backup", "--done", backup, registry.config)
    assert "0 manifests, 2 blobs" in lading("garbage-collect", registry.config)


def test_a_hold_ends_by_itself(registry: Lading, tmp_path: Path) -> None:
    lading("backup", "--hold", "0s", tmp_path / "backup", registry.config)
    hello = Repository(registry.client, "library/hello")
    assert hello.ask("DELETE", f"/manifests/{MANIFEST}").status == 202
    assert "1 manifest, 2 blobs" in lading("garbage-collect", registry.config)
    assert "no hold" in lading("backup", "--done", tmp_path / "other", registry.config)


def test_a_hold_is_found_by_another_path_of_its_directory(registry: Lading, tmp_path: Path) -> None:
    """As from another working directory, or through a link."""
    (tmp_path / "link").symlink_to(tmp_path)
    lading("backup", tmp_path / "one" / ".." / "backup", registry.config)
    again = lading("backup", "--done", tmp_path / "link" / "backup", registry.config)
    assert "may be collected again" in again


def test_the_next_command_can_be_copied(registry: Lading, tmp_path: Path) -> None:
    """Whatever the directory is called."""
    said = lading("backup", tmp_path / "of a day", registry.config)
    assert f"--files-from='{tmp_path}/of a day/blobs.txt' {registry.root}/ TARGET/" in said


def test_a_directory_whose_name_is_not_in_utf_8_is_refused(
    registry: Lading, tmp_path: Path
) -> None:
    """The database keeps its name, and a person is to copy it."""
    said = lading("backup", tmp_path / "b\udcffckup", registry.config, status=2)
    assert "write the name of the directory in UTF-8" in said


def test_what_was_made_is_told_to_programs(registry: Lading, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    done = registry.run("backup", "--json", backup)
    made = json.loads(done.stdout)
    assert made["metadata"] == str(backup / "metadata.sqlite3")
    assert made["list"] == str(backup / "blobs.txt")
    assert made["files"] == 2
    assert sorted(path.name for path in backup.iterdir()) == ["blobs.txt", "metadata.sqlite3"]


def test_a_backup_that_is_there_is_not_touched(registry: Lading, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    lading("backup", backup, registry.config)
    before = (backup / "metadata.sqlite3").read_bytes()
    assert "is there already" in lading("backup", backup, registry.config, status=1)
    assert (backup / "metadata.sqlite3").read_bytes() == before


def test_a_backup_that_cannot_be_written_leaves_nothing(registry: Lading, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = lading("backup", tmp_path / "file" / "backup", registry.config, status=1)
    assert f"cannot write {tmp_path / 'file' / 'backup'}" in said


def test_of_two_that_make_one_backup_one_does(registry: Lading, tmp_path: Path) -> None:
    """Else the first would give its name to what the second has just begun."""
    backup = tmp_path / "backup"
    with new_directory(backup) as begun:
        (begun / "metadata.sqlite3").write_text("the first one's")
        said = lading("backup", backup, registry.config, status=1)
        assert "another `lading backup` is making it" in said
        assert (begun / "metadata.sqlite3").read_text() == "the first one's"
    assert [path.name for path in tmp_path.glob("backup*")] == ["backup"]


def test_what_a_crash_has_left_of_a_backup_is_replaced(registry: Lading, tmp_path: Path) -> None:
    left = tmp_path / "backup.partial"
    left.mkdir()
    (left / "blobs.txt").touch()
    lading("backup", tmp_path / "backup", registry.config)
    assert (tmp_path / "backup" / "blobs.txt").read_text()


def test_what_is_no_backup_s_is_not_deleted(registry: Lading, tmp_path: Path) -> None:
    other = tmp_path / "backup.partial"
    other.mkdir()
    (other / "notes").touch()
    assert "other files" in lading("backup", tmp_path / "backup", registry.config, status=1)
    assert (other / "notes").exists()


def test_nothing_is_restored_under_a_running_server(registry: Lading, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    lading("backup", backup, registry.config)
    said = lading("restore-backup", "--force", backup, registry.config, status=1)
    assert "stop the server" in said
    assert (
        Repository(registry.client, "library/hello").ask("GET", "/manifests/latest").status == 200
    )


def test_a_registry_that_is_not_empty_is_replaced_only_if_asked_and_kept(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        with lading_serve(tmp_path / name) as registry:
            Repository(registry.client, f"library/{name}").push_image("latest", name.encode())
    backup, config = tmp_path / "backup", tmp_path / "two" / "config.yml"
    lading("backup", backup, tmp_path / "one" / "config.yml")

    assert "--force" in lading("restore-backup", backup, config, status=1)
    assert repositories_in(tmp_path / "two" / "data" / "lading" / "metadata.sqlite3") == {
        "library/two"
    }
    assert "kept as" in lading("restore-backup", "--force", backup, config)
    assert repositories_in(tmp_path / "two" / "data" / "lading" / "metadata.sqlite3") == {
        "library/one"
    }
    (kept,) = (tmp_path / "two" / "data" / "lading").glob("replaced-*.sqlite3")
    assert repositories_in(kept) == {"library/two"}


def test_a_damaged_database_is_replaced_with_its_log(tmp_path: Path) -> None:
    with lading_serve(tmp_path) as registry:
        Repository(registry.client, "library/hello").push_image("latest", LAYER)
    backup, config = tmp_path / "backup", tmp_path / "config.yml"
    lading("backup", backup, config)
    database = tmp_path / "data" / "lading" / "metadata.sqlite3"
    damaged = b"no database at all" * 1000
    database.write_bytes(damaged)
    database.with_name("metadata.sqlite3-wal").write_bytes(b"nor a log of one" * 1000)

    assert "restore a backup" in lading("verify", config, status=1)
    assert "--force" in lading("restore-backup", backup, config, status=1)
    lading("restore-backup", "--force", backup, config)
    assert "all is well" in lading("verify", "--checksums", config)
    (kept,) = database.parent.glob("replaced-*.sqlite3")
    assert kept.read_bytes() == damaged


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "cannot be read"), (b"no database at all" * 1000, "cannot be read")],
)
def test_what_is_no_backup_changes_nothing(tmp_path: Path, content: bytes, words: str) -> None:
    backup = tmp_path / "backup"
    backup.mkdir()
    (backup / "metadata.sqlite3").write_bytes(content)
    config = config_for(tmp_path / "data")
    assert words in lading("restore-backup", backup, config, status=1)
    assert not (tmp_path / "data" / "lading" / "metadata.sqlite3").exists()


def test_a_backup_of_a_newer_version_is_refused(registry: Lading, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    lading("backup", backup, registry.config)
    with closing(sqlite3.connect(backup / "metadata.sqlite3")) as connection:
        connection.execute("PRAGMA user_version = 1000")
    config = config_for(tmp_path / "data")
    assert "newer version" in lading("restore-backup", backup, config, status=1)


def test_no_server_starts_while_a_backup_is_restored(tmp_path: Path) -> None:
    config = config_for(tmp_path / "data")
    lading("token", "create", "ci", "-r", "**", "-a", "pull", config)  # makes a registry
    lock = tmp_path / "data" / "lading" / "metadata.sqlite3.lock"
    held = subprocess.Popen(["flock", lock, "sleep", "60"])
    try:
        subprocess.run(["flock", "--nonblock", "--shared", lock, "true"], check=False)
        assert "being restored" in lading("verify", config, status=1)
    finally:
        held.kill()
        held.wait()


def repositories_in(database: Path) -> set[str]:
    with closing(sqlite3.connect(database)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM repositories")}


def test_what_is_restored_by_other_means_is_said_of_postgresql_alone(registry: Lading) -> None:
    """With SQLite the command that restores knows it."""
    assert "`lading restore-backup` does this itself" in lading(
        "restored", registry.config, status=1
    )

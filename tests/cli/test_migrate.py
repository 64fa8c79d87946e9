"""`lading migrate`: a registry that serves, to another place, and what is refused."""

import json
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.guests import pull, pulling
from tests.support.lading import Lading, lading, lading_serve, program
from tests.support.processes import wait_until
from tests.support.pushes import Repository

IMAGES = [(f"team/app{number}", "latest") for number in range(5)]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Lading]:
    """A running registry with some images."""
    (tmp_path / "one").mkdir()
    with lading_serve(tmp_path / "one") as registry:
        for name, tag in IMAGES:
            Repository(registry.client, name).push_image(tag, name.encode() * 50_000, b"shared")
        yield registry


def configuration(directory: Path) -> Path:
    """A configuration of a registry in a directory of its own."""
    directory.mkdir()
    config = directory / "config.yml"
    config.write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {directory / 'data'}}}}}\n"
        "http: {addr: 127.0.0.1:0}\n"
    )
    return config


def test_a_registry_that_serves_goes_elsewhere(registry: Lading, tmp_path: Path) -> None:
    """Whatever is killed on the way; guests notice nothing, and the new server has all of it."""
    to = configuration(tmp_path / "two")
    upload = Repository(registry.client, "team/app0").start_upload()
    with pulling(registry.client, IMAGES) as guests:
        for seconds in (0.2, 0.4, 0.6, 0.8):
            killed = subprocess.Popen([program(), "migrate", "--to", to, registry.config])
            time.sleep(seconds)
            killed.send_signal(signal.SIGKILL)
            killed.wait()
        said = lading("migrate", "--to", to, registry.config)
        enough = guests.pulls + len(IMAGES)
        wait_until(lambda: guests.pulls >= enough, "pulls of what is still there")

    assert guests.complaints == []
    assert "Left behind   1 unfinished upload;" in said
    assert f"`lading serve {to}`" in said
    refused = registry.client.ask("PATCH", upload, b"more")
    assert refused.status == 405
    assert "who migrates it to" in lading("read-only", "status", registry.config)
    assert "all is well" in lading("verify", "--checksums", to)
    with lading_serve(tmp_path / "two", config=to) as new:
        assert [wrong for image in IMAGES for wrong in pull(new.client, *image)] == []
        Repository(new.client, "team/app0").push_image("latest", b"new")


def test_it_says_what_it_did_as_json(registry: Lading, tmp_path: Path) -> None:
    to = configuration(tmp_path / "two")
    done = registry.run("migrate", "--json", "--to", to)

    document = json.loads(done.stdout)
    assert document["blobs"] == len(IMAGES) + 2
    assert document["unfinished"] == 0


def test_what_is_not_all_there_is_not_served(registry: Lading, tmp_path: Path) -> None:
    """Until the migration has come to its end."""
    to = configuration(tmp_path / "two")
    lading("migrate", "--to", to, registry.config)
    database = tmp_path / "two" / "data" / "lading" / "metadata.sqlite3"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE switches SET name = 'arriving' WHERE name = 'arrived'")

    said = lading("serve", to, status=1)

    assert "is not all here: run `lading migrate` again" in said


def test_a_registry_that_is_there_is_not_overwritten(registry: Lading, tmp_path: Path) -> None:
    (tmp_path / "two").mkdir()
    with lading_serve(tmp_path / "two") as other:
        Repository(other.client, "theirs").push_image("latest")
        said = lading("migrate", "--to", other.config, registry.config, status=1)

    assert "it is not this one; name an empty database. Nothing was changed" in said


def test_a_registry_is_not_migrated_to_where_it_is(registry: Lading) -> None:
    said = lading("migrate", "--to", registry.config, registry.config, status=1)

    assert "the same database and the same place" in said


def test_a_database_of_another_version_stays_as_it_is(registry: Lading, tmp_path: Path) -> None:
    """Be it where the registry goes, or where it comes from: a server may have it open."""
    (tmp_path / "two").mkdir()
    with lading_serve(tmp_path / "two") as other:
        Repository(other.client, "theirs").push_image("latest")
    database = other.root / "lading" / "metadata.sqlite3"
    for version, word in ((1, "older"), (1000, "newer")):
        with closing(sqlite3.connect(database)) as connection:
            connection.execute(f"PRAGMA user_version = {version}")
        there = lading("migrate", "--to", other.config, registry.config, status=1)
        here = lading("migrate", "--to", registry.config, other.config, status=1)
        for said in (there, here):
            assert f"was written by a{'n' if word == 'older' else ''} {word} version" in said
        with closing(sqlite3.connect(database)) as connection:
            assert connection.execute("PRAGMA user_version").fetchone() == (version,)


def test_there_has_to_be_a_registry_and_a_place_that_stays(tmp_path: Path) -> None:
    one, two = configuration(tmp_path / "one"), configuration(tmp_path / "two")
    assert "no registry has kept its data" in lading("migrate", "--to", two, one, status=1)

    two.write_text("version: 0.1\nstorage: {inmemory: {}}\n")
    assert "keeps everything in memory" in lading("migrate", "--to", two, one, status=1)


def test_the_environment_is_the_old_registrys(registry: Lading, tmp_path: Path) -> None:
    """In a container it says where the data is; else both would be in one place."""
    to = configuration(tmp_path / "two")
    variable = {"REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": str(registry.root)}
    registry.run("migrate", "--to", to, env=variable)

    assert (tmp_path / "two" / "data" / "lading" / "metadata.sqlite3").exists()


def test_what_was_left_behind_collects_nothing(registry: Lading, tmp_path: Path) -> None:
    """Where only the database goes, the bytes that it would remove are those of the new place."""
    to = configuration(tmp_path / "two")
    registry.run("migrate", "--to", to)

    refused = registry.run("garbage-collect", check=False)
    assert refused.returncode == 1
    assert "was migrated to another place" in refused.stderr.decode()
    assert "would be" in registry.run("garbage-collect", "--dry-run", "--quiet").stdout.decode()
    registry.run("read-only", "off")
    registry.run("garbage-collect")

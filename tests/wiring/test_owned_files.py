"""Whose the files are that several machines may share: one registry's, and no other's."""

import asyncio
import json
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from lading.blobs import file_owner
from lading.blobs.layout import Layout
from lading.blobs.stores import Stores
from lading.config.settings import Settings
from lading.core.digest import Digest
from lading.core.errors import Unavailable
from lading.core.names import RepositoryName
from lading.databases.sqlite.file import FileDatabase
from lading.databases.sqlite.memory import MemoryDatabase
from lading.metadata.metadata import Metadata
from lading.wiring.owned_files import (
    OwnedElsewhere,
    begin_restored,
    let_go,
    require_own_files,
    take_alone,
)
from lading.wiring.paths import metadata_path
from lading.wiring.stores import open_registry
from tests.support.commands import run
from tests.support.lading import lading_serve, program
from tests.support.postgresql import PostgreSQL
from tests.support.processes import wait_until
from tests.support.pushes import Repository, digest_of

APP = RepositoryName("team/app")


def registry() -> Metadata:
    return Metadata(MemoryDatabase())


def add_bytes(root: Path, data: bytes) -> Digest:
    digest = Digest.of(data)
    path = Path(Layout(root).blob(digest))
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    return digest


async def add(metadata: Metadata, digest: Digest) -> None:
    await metadata.damage.adopt_blob(APP, digest, 1, now=0.0)


async def test_of_many_who_begin_in_a_directory_at_once_it_is_one_s(tmp_path: Path) -> None:
    """And all replicas of that one may use it."""
    registries = [registry() for _ in range(6)]
    said = await asyncio.gather(
        *(require_own_files(each, tmp_path, time.time) for each in registries * 2),
        return_exceptions=True,
    )
    assert [type(each) for each in said[:6]] == [type(each) for each in said[6:]]
    (owner,) = [each for each, outcome in zip(registries, said, strict=False) if outcome is None]
    assert {type(each) for each in said} == {OwnedElsewhere, type(None)}
    await require_own_files(owner, tmp_path, time.time)
    assert [path.name for path in (tmp_path / "lading").iterdir()] == ["owner"]


async def test_who_is_refused_is_told_what_to_do(tmp_path: Path) -> None:
    await require_own_files(registry(), tmp_path, time.time)
    with pytest.raises(OwnedElsewhere, match=r"rootdirectory.*`database`.*remove .*/owner"):
        await require_own_files(registry(), tmp_path, time.time)


@pytest.mark.parametrize("said", [b"", b"\xff\n", b"x" * 9000])
async def test_a_file_that_names_nobody_is_owned_by_nobody_here(
    tmp_path: Path, said: bytes
) -> None:
    metadata = registry()
    await require_own_files(metadata, tmp_path, time.time)
    (tmp_path / "lading/owner").write_bytes(said)
    with pytest.raises(OwnedElsewhere):
        await require_own_files(metadata, tmp_path, time.time)


async def test_files_that_have_lost_their_owner_are_known_by_any_blob(tmp_path: Path) -> None:
    """Copied without it, or written before there were owners; but not by another registry."""
    here, there = registry(), registry()
    await add(here, add_bytes(tmp_path, b"here"))
    await add(there, Digest.of(b"there"))
    add_bytes(tmp_path, b"nobody's")
    with pytest.raises(OwnedElsewhere, match="knows none of the blobs"):
        await require_own_files(there, tmp_path, time.time)
    await require_own_files(here, tmp_path, time.time)
    with pytest.raises(OwnedElsewhere, match="names it"):
        await require_own_files(there, tmp_path, time.time)


async def test_an_empty_registry_may_begin_beside_strangers(tmp_path: Path) -> None:
    """Whether it may is asked before, when its tables are made."""
    add_bytes(tmp_path, b"a stranger's")
    metadata = registry()
    await require_own_files(metadata, tmp_path, time.time)
    assert file_owner.find_owner(Layout(tmp_path)) == (await metadata.migrations.find()).registry


async def in_sqlite(root: Path, *, name: str = "") -> None:
    """Have a registry in SQLite in the directory, which knows a blob."""
    metadata_path(root).parent.mkdir(parents=True, exist_ok=True)
    metadata = Metadata(FileDatabase(metadata_path(root)))
    await add(metadata, add_bytes(root, b"in both"))
    if name:
        await metadata.migrations.name(name, 0.0)
    await metadata.close()


async def test_files_that_a_database_beside_them_knows_are_not_another_one_s(
    tmp_path: Path,
) -> None:
    """Though both know a blob, as registries do that have the same base image."""
    await in_sqlite(tmp_path)
    metadata = registry()
    await add(metadata, Digest.of(b"in both"))
    with pytest.raises(
        OwnedElsewhere, match=r"metadata\.sqlite3 is its database.*remove .*sqlite3"
    ):
        await require_own_files(metadata, tmp_path, time.time)
    assert file_owner.find_owner(Layout(tmp_path)) is None


async def test_a_database_beside_the_files_that_cannot_be_read_is_another_one_s(
    tmp_path: Path,
) -> None:
    await in_sqlite(tmp_path)
    metadata_path(tmp_path).write_bytes(b"no database" * 1000)
    with pytest.raises(OwnedElsewhere):
        await require_own_files(registry(), tmp_path, time.time)


async def test_a_registry_takes_the_files_that_it_came_from(tmp_path: Path) -> None:
    await in_sqlite(tmp_path, name="the same")
    metadata = registry()
    await metadata.migrations.begin_arrival("the same", "run", 0.0)
    await require_own_files(metadata, tmp_path, time.time)
    assert file_owner.find_owner(Layout(tmp_path)) == "the same"


@pytest.mark.parametrize("command", ["serve", "garbage-collect", "verify"])
async def test_a_registry_alone_is_refused_where_replicas_have_their_files(
    tmp_path: Path, command: str
) -> None:
    await require_own_files(registry(), tmp_path / "data", time.time)
    await in_sqlite(tmp_path / "data")
    config = tmp_path / "config.yml"
    storage = {"filesystem": {"rootdirectory": str(tmp_path / "data")}}
    config.write_text(json.dumps({"version": 0.1, "storage": storage}))
    done = await asyncio.to_thread(run, [program(), command, config], check=False, timeout=60)
    assert done.returncode != 0
    said = done.stderr + done.stdout
    assert b"belong to another registry" in said, done
    assert b"remove" in said
    assert b"Traceback" not in said


async def test_nothing_is_deleted_of_files_that_another_registry_has_taken(tmp_path: Path) -> None:
    """Though that happens while this one is open, and nothing was wrong when it began."""
    stores = Stores.in_files(tmp_path)
    digest = add_bytes(tmp_path, b"whose")
    await require_own_files(registry(), tmp_path, time.time)  # it may begin, as it knows none
    with pytest.raises(Unavailable, match="belong to another registry by now"):
        await stores.blobs.delete([digest])
    assert await stores.blobs.find(digest) is not None
    Path(Layout(tmp_path).owner).unlink()
    await stores.blobs.delete([digest])
    assert await stores.blobs.find(digest) is None
    stores.close()


@pytest.mark.e2e
def test_two_databases_on_one_directory_are_told_apart(
    tmp_path: Path, postgresql: PostgreSQL
) -> None:
    """By servers and by commands: nothing of the first one is collected by the second one."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    data = {"filesystem": {"rootdirectory": str(tmp_path / "data")}}
    urls = [postgresql.new_url(), postgresql.new_url()]
    one, two = ({"database": {"postgresql": {"url": url}}, "storage": dict(data)} for url in urls)
    with lading_serve(tmp_path / "one", settings=one) as serving:
        # The second one began elsewhere: an empty one is refused where there are blobs.
        elsewhere = {**two, "storage": {"filesystem": {"rootdirectory": str(tmp_path / "other")}}}
        with lading_serve(tmp_path / "two", settings=elsewhere) as second:
            Repository(second.client, "app").push_image("1", b"another layer")
        config = tmp_path / "two/config.yml"
        config.write_text(
            config.read_text().replace(str(tmp_path / "other"), str(tmp_path / "data"))
        )
        Repository(serving.client, "app").push_image("1", b"a layer")
        for command in ("serve", "garbage-collect", "verify"):
            done = run([program(), command, config], check=False, timeout=60)
            assert done.returncode != 0, command
            assert b"belong to another registry" in done.stderr + done.stdout, done
            assert b"Traceback" not in done.stderr
        serving.run("verify", "--checksums")


@pytest.mark.e2e
def test_a_registry_that_goes_to_another_database_has_its_files_there(
    tmp_path: Path, postgresql: PostgreSQL
) -> None:
    """It is the same one, and what it came from may be looked at."""
    places = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        filesystem = {"rootdirectory": str(tmp_path / "data")}
        database = {"postgresql": {"url": postgresql.new_url()}}
        settings = {"database": database, "storage": {"filesystem": filesystem}}
        places.append((tmp_path / name, settings))
    (one, before), (two, after) = places
    with lading_serve(one, settings=before) as serving:
        pushed = Repository(serving.client, "app").push_image("1", b"a layer")
        target = two / "target.yml"
        target.write_text(json.dumps({"version": 0.1, **after}))
        serving.run("migrate", "--to", target)
    for directory, settings in ((two, after), (one, before)):
        with lading_serve(directory, settings=settings) as serving:
            repository = Repository(serving.client, "app")
            assert repository.ask("GET", "/manifests/1").headers["Docker-Content-Digest"] == pushed
            assert repository.ask("GET", f"/blobs/{digest_of(b'a layer')}").body == b"a layer"
    off = run([program(), "read-only", "off", one / "config.yml"], check=False)
    assert off.returncode == 1
    assert b"belong to another registry" in off.stdout + off.stderr
    assert b"`lading migrate`" in off.stdout + off.stderr


async def test_replicas_that_begin_at_once_take_files_that_are_free_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.model_validate(
        {"storage": {"filesystem": {"rootdirectory": str(tmp_path)}}}
    )
    find, looking, ahead = file_owner.find_owner, threading.Event(), threading.Event()

    def find_later(layout: Layout) -> str | None:
        if not looking.is_set():
            looking.set()
            assert ahead.wait(60)
        return find(layout)

    async with open_registry(settings) as replica:
        await replica.metadata.migrations.begin_arrival("registry", "run", 0.0)
        await replica.metadata.migrations.end_arrival("run", 0.0, takes_files=True)
        await let_go(replica.metadata, tmp_path)
        monkeypatch.setattr(file_owner, "find_owner", find_later)
        behind = asyncio.create_task(take_alone(replica, settings))
        assert await asyncio.to_thread(looking.wait, 60)
        await take_alone(replica, settings)
        ahead.set()
        await behind
        assert not (await replica.metadata.migrations.find()).takes_files


async def test_a_database_that_is_restored_again_has_the_files_alone(tmp_path: Path) -> None:
    """Though it knows by which name the one that was backed up has them, as it has them itself."""
    settings = Settings.model_validate(
        {"storage": {"filesystem": {"rootdirectory": str(tmp_path)}}}
    )
    async with open_registry(settings) as old:
        await require_own_files(old.metadata, tmp_path, time.time)
        await begin_restored(old, settings)
        await take_alone(old, settings)  # it was restored itself, and is served
        copy = tmp_path / "copy.sqlite3"
        await old.metadata.database.copy_to(copy)
        new = replace(old, metadata=Metadata(FileDatabase(copy)))
        await begin_restored(new, settings)
        await take_alone(new, settings)
        await require_own_files(new.metadata, tmp_path, time.time)
        with pytest.raises(OwnedElsewhere, match="names it"):
            await require_own_files(old.metadata, tmp_path, time.time)
        await new.metadata.close()


async def test_what_ends_half_way_when_a_database_was_restored_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.model_validate(
        {"storage": {"filesystem": {"rootdirectory": str(tmp_path)}}}
    )

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    async with open_registry(settings) as restored:
        await require_own_files(restored.metadata, tmp_path, time.time)
        with monkeypatch.context() as patched:
            patched.setattr(file_owner, "replace", fail)
            with pytest.raises(OSError, match="no space"):
                await begin_restored(restored, settings)
        await require_own_files(restored.metadata, tmp_path, time.time)
        await begin_restored(restored, settings)
        await take_alone(restored, settings)
        await require_own_files(restored.metadata, tmp_path, time.time)


@pytest.mark.e2e
@pytest.mark.parametrize("alone", [False, True])
def test_a_registry_that_is_switched_back_before_it_is_served_elsewhere_has_its_files(
    tmp_path: Path, postgresql: PostgreSQL, alone: bool
) -> None:
    """By the server that runs all the while, too; the other one waits for the next migration."""
    data = {
        "filesystem": {"rootdirectory": str(tmp_path / "data")},
        # As long as what is pushed has no manifest yet, on a busy machine.
        "garbagecollect": {"grace": "3s", "interval": "200ms", "trash": "0s"},
        "delete": {"enabled": True},
    }
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    elsewhere = {"database": {"postgresql": {"url": postgresql.new_url()}}, "storage": data}
    own = {"database": {"postgresql": {"url": postgresql.new_url()}}}
    before = {"storage": data, **({} if alone else own)}
    target = tmp_path / "two/config.yml"
    target.write_text(json.dumps({"version": 0.1, **elsewhere}))
    with lading_serve(tmp_path / "one", settings=before) as serving:
        repository = Repository(serving.client, "app")
        pushed = repository.push_image("1", b"a layer")
        serving.run("migrate", "--to", target)
        serving.run("read-only", "off")
        assert repository.ask("DELETE", f"/manifests/{pushed}").status == 202
        blob = Path(Layout(tmp_path / "data").blob(Digest(digest_of(b"a layer"))))
        log = serving.log.read_text
        wait_until(lambda: not blob.exists(), "the collection of the layer", log=log)
        for command in ("serve", "garbage-collect"):
            done = run([program(), command, target], check=False, timeout=60)
            assert done.returncode != 0, command
            assert b"belong to another registry" in done.stderr + done.stdout
        repository.push_image("2", b"another layer")
        serving.run("migrate", "--to", target)
    with lading_serve(tmp_path / "two", config=target) as serving:
        assert Repository(serving.client, "app").ask("GET", "/manifests/2").status == 200

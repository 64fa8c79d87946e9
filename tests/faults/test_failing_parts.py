"""A database or a disk that fails: a clear answer, no damage, and on it goes when it is well."""

import errno
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lading.blobs.stores import Stores
from lading.core.digest import Digest
from lading.core.errors import Unavailable
from tests.faults.conftest import MIB
from tests.support.client import Answer
from tests.support.commands import run
from tests.support.contents import begin
from tests.support.lading import Lading, lading_serve, program, started_workers
from tests.support.people import People
from tests.support.pushes import Repository, digest_of
from tests.support.rows import empty_log, open_metadata
from tests.support.volumes import Volume, small_volume

LAYER = b"a layer" * 1000


def assert_unavailable(answer: Answer) -> None:
    assert answer.status == 503, answer
    assert answer.codes == ["UNAVAILABLE"]
    assert answer.headers["Retry-After"]
    assert b"Traceback" not in answer.body
    assert b"sqlite" not in answer.body


def verify(registry: Lading) -> bytes:
    return registry.run("verify", "--checksums", check=False).stdout


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Lading]:
    """A registry with an image."""
    with lading_serve(tmp_path) as registry:
        Repository(registry.client, "hello").push_image("latest", LAYER)
        started_workers(registry)
        yield registry


@pytest.fixture
def broken_disk(tmp_path: Path) -> Iterator[tuple[Lading, Volume]]:
    """A registry with an image, on a disk that can be taken away from it."""
    with (
        small_volume("ext4", tmp_path / "data", size=64 * MIB) as volume,
        lading_serve(tmp_path, env={"REGISTRY_STORAGE_FILESYSTEM_RESERVE": "8 MiB"}) as registry,
    ):
        Repository(registry.client, "hello").push_image("latest", LAYER)
        started_workers(registry)
        yield registry, volume


def test_a_directory_of_uploads_that_cannot_be_read_is_unavailable(served: Lading) -> None:
    """As to who has lost a right; a link in a circle is one that nobody reads, not even root."""
    hello = Repository(served.client, "hello")
    hello.start_upload()
    (owner,) = (served.root / "lading" / "uploads").iterdir()
    away = owner.rename(owner.with_name("away"))
    owner.symlink_to(owner)

    assert_unavailable(hello.ask("POST", "/blobs/uploads/"))

    owner.unlink()
    away.rename(owner)
    hello.push_image("after", b"after")


@pytest.mark.e2e
def test_while_another_process_locks_the_database_pulls_go_on_and_pushes_wait(
    served: Lading,
) -> None:
    hello = Repository(served.client, "hello")
    database = served.root / "lading" / "metadata.sqlite3"
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        assert_unavailable(hello.ask("DELETE", "/manifests/latest"))
        assert time.monotonic() - began > 15
        for method in ("HEAD", "GET"):
            assert hello.ask(method, "/manifests/latest").status == 200
            assert hello.ask(method, f"/blobs/{digest_of(LAYER)}").status == 200
        other.execute("ROLLBACK")
    hello.push_image("after", b"after")
    assert b"all is well" in verify(served)


@pytest.mark.e2e
def test_a_disk_that_fails_and_turns_read_only_can_be_pulled_from(tmp_path: Path) -> None:
    with small_volume("ext4", tmp_path / "data", size=64 * MIB) as volume:
        env = {"REGISTRY_STORAGE_FILESYSTEM_RESERVE": "8 MiB"}
        with lading_serve(tmp_path, env=env) as registry:
            hello = Repository(registry.client, "hello")
            hello.push_image("latest", LAYER)
            upload = hello.start_upload().removeprefix(hello.path)
            started_workers(registry)
            volume.fail()
            assert_unavailable(hello.ask("POST", "/blobs/uploads/"))
            assert_unavailable(hello.ask("PATCH", upload, b"x"))
            assert_unavailable(hello.ask("DELETE", "/manifests/latest"))
            for method in ("HEAD", "GET"):
                assert hello.ask(method, "/manifests/latest").status == 200
                assert hello.ask(method, f"/blobs/{digest_of(LAYER)}").status == 200
        assert registry.has_said("Read-only file system")
        volume.mend()
        with lading_serve(tmp_path, env=env) as registry:
            hello = Repository(registry.client, "hello")
            assert hello.ask("GET", f"/blobs/{digest_of(LAYER)}").body == LAYER
            hello.push_image("after", b"after")
            assert b"all is well" in verify(registry)


@pytest.mark.e2e
def test_directories_that_may_not_be_written_are_told_and_do_no_damage(
    broken_disk: tuple[Lading, Volume],
) -> None:
    registry, volume = broken_disk
    hello = Repository(registry.client, "hello")
    (uploads,) = (volume.path / "lading" / "uploads").iterdir()  # of this client
    for directory, path in (
        (uploads, "/blobs/uploads/"),
        (
            volume.path / "docker/registry/v2/blobs/sha256",
            f"/blobs/uploads/?digest={digest_of(b'new')}",
        ),
    ):
        run(["chattr", "+i", directory])
        try:
            assert_unavailable(hello.ask("POST", path, b"new" if "?" in path else b""))
            assert hello.ask("GET", f"/blobs/{digest_of(LAYER)}").body == LAYER
        finally:
            run(["chattr", "-i", directory])
    assert registry.has_said("Operation not permitted")
    hello.push_image("after", b"new")
    assert b"all is well" in verify(registry)


@pytest.mark.e2e
def test_a_blob_that_cannot_be_opened_is_told(broken_disk: tuple[Lading, Volume]) -> None:
    registry, volume = broken_disk
    name = digest_of(LAYER)[7:]
    path = volume.path / "docker/registry/v2/blobs/sha256" / name[:2] / name / "data"
    path.unlink()
    path.symlink_to(path)
    hello = Repository(registry.client, "hello")
    assert hello.ask("GET", f"/blobs/{digest_of(LAYER)}").status in {404, 503}
    assert hello.ask("GET", "/manifests/latest").status == 200


def test_a_database_that_is_damaged_while_it_is_used_is_told_without_details(
    served: Lading,
) -> None:
    hello = Repository(served.client, "hello")
    for number in range(60):
        hello.push_image(f"tag{number}", b"%d" % number)
    database = served.root / "lading" / "metadata.sqlite3"
    with closing(sqlite3.connect(database)) as connection:
        empty_log(connection)
        (page_size,) = connection.execute("PRAGMA page_size").fetchone()
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'tags'"
        ).fetchone()
    with database.open("r+b") as file:
        file.seek((page - 1) * page_size)
        file.write(b"\xff" * page_size)

    answers = [hello.ask("GET", f"/manifests/tag{number}") for number in range(60)]
    failed = [answer for answer in answers if answer.status != 200]
    assert failed
    for answer in failed:
        assert_unavailable(answer)
    assert served.has_said("the database fails: database disk image is malformed")
    done = served.run("verify", check=False)
    assert done.returncode == 1
    assert b"restore a backup" in done.stdout + done.stderr


def test_a_registry_whose_database_is_no_database_does_not_start_and_says_why(
    tmp_path: Path,
) -> None:
    (tmp_path / "data" / "lading").mkdir(parents=True)
    (tmp_path / "data" / "lading" / "metadata.sqlite3").write_bytes(b"no database" * 1000)
    config = tmp_path / "config.yml"
    root = tmp_path / "data"
    config.write_text(f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {root}}}}}\n")
    done = run([program(), "serve", config], check=False)
    assert done.returncode == 1
    said = done.stderr.decode()
    assert "lading restore-backup" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("call", ["pwrite", "fsync", "replace", "mkdir"])
async def test_a_disk_that_fails_in_the_middle_leaves_a_push_that_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    people = People(open_metadata(tmp_path / "db"), Stores.in_files(tmp_path / "data"))
    with monkeypatch.context() as broken:

        def fail(*_: object, **__: object) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        broken.setattr(os, call, fail)
        with pytest.raises(Unavailable, match="log says why"):
            await people.push_blob(b"data")
    assert await people.stored() == set()
    assert list((tmp_path / "data/lading/uploads").glob("*/*")) == []
    digest = await people.push_blob(b"data")
    assert await people.stored() == {digest}
    people.stores.close()
    await people.metadata.close()


async def test_bytes_that_cannot_be_read_back_are_not_taken_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = Stores.in_files(tmp_path / "data")
    upload = await begin(stores)
    async with stores.uploads.stage(upload) as staged:
        await staged.write(b"first")
    other = Stores.in_files(tmp_path / "data")  # has not seen the bytes, so it reads them
    with monkeypatch.context() as broken:

        def fail(*_: object) -> bytes:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        broken.setattr(os, "pread", fail)
        async with other.uploads.stage(upload) as staged:
            with pytest.raises(Unavailable):
                await staged.commit(Digest.of(b"first"))
    async with other.uploads.stage(upload) as staged:
        await staged.commit(Digest.of(b"first"))
    stores.close()
    other.close()

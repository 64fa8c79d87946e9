"""Who only reads is answered, at once, where nothing can be written and while others write."""

import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.faults.conftest import MIB
from tests.support.commands import run
from tests.support.guarded import SERVICE, basic, guarded_registry
from tests.support.lading import Lading, lading_serve, program, started_workers
from tests.support.pushes import Repository, digest_of
from tests.support.volumes import read_only, small_volume

LAYER = b"a layer" * 10_000
# Seconds in which all reads are answered; one write would wait for twenty.
SOON = 15.0


@contextmanager
def another_writes(registry: Lading) -> Iterator[None]:
    """Another process holds the lock of the database for the length of a block."""
    database = registry.root / "lading" / "metadata.sqlite3"
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def push(registry: Lading, name: str = "hello") -> Repository:
    repository = Repository(registry.client, name)
    repository.push_image("latest", LAYER)
    return repository


def assert_reads(repository: Repository) -> None:
    """Everything that a client may ask who only pulls, or looks."""
    began = time.monotonic()
    digest = digest_of(LAYER)
    for _ in range(3):
        assert repository.ask("HEAD", "/manifests/latest").status == 200
        assert repository.ask("HEAD", f"/blobs/{digest}").status == 200
        assert repository.ask("HEAD", f"/blobs/{digest_of(b'{}')}").status == 200
    manifest = repository.ask("GET", "/manifests/latest")
    assert manifest.status == 200
    assert repository.ask("GET", f"/blobs/{digest}").body == LAYER
    assert repository.ask("GET", f"/referrers/{digest_of(manifest.body)}").status == 200
    assert repository.ask("GET", "/tags/list").json["tags"] == ["latest"]
    assert repository.name in repository.client.ask("GET", "/v2/_catalog").json["repositories"]
    assert time.monotonic() - began < SOON


def test_pulls_do_not_wait_for_a_process_that_writes(tmp_path: Path) -> None:
    """As containerd pulls, which asks by HEAD first."""
    with lading_serve(tmp_path) as registry:
        hello = push(registry)
        with another_writes(registry):
            assert_reads(hello)
        assert hello.ask("HEAD", f"/blobs/{digest_of(LAYER)}").status == 200


def test_logins_do_not_wait_for_a_process_that_writes(tmp_path: Path) -> None:
    with guarded_registry(tmp_path) as registry, another_writes(registry.lading):
        began = time.monotonic()
        path = f"/token?service={SERVICE}&scope=repository:team/app:pull&offline_token=true"
        answer = registry.client.ask("GET", path, b"", authorization=basic("reader"))
        assert answer.status == 200
        assert answer.json["token"]
        assert "refresh_token" not in answer.json
        assert time.monotonic() - began < SOON


@pytest.mark.e2e
def test_a_registry_whose_disk_turns_read_only_is_pulled_from(tmp_path: Path) -> None:
    with small_volume("ext4", tmp_path / "data", size=64 * MIB) as volume:
        env = {"REGISTRY_STORAGE_FILESYSTEM_RESERVE": "8 MiB"}
        with lading_serve(tmp_path, env=env) as registry:
            hello = push(registry)
            started_workers(registry)
            volume.fail()
            assert_reads(hello)
            assert hello.ask("POST", "/blobs/uploads/").status == 503
            assert registry.log.read_text().count("the database fails") < 5


@pytest.mark.e2e
@pytest.mark.parametrize("directory", [".", "lading", "docker"])
def test_a_registry_is_served_from_a_read_only_disk(tmp_path: Path, directory: str) -> None:
    with lading_serve(tmp_path) as registry:
        push(registry)
    before = everything(registry.root / directory)
    with read_only(registry.root / directory), lading_serve(tmp_path) as registry:
        assert registry.has_said("Read-only     the disk cannot be written to")
        hello = Repository(registry.client, "hello")
        assert_reads(hello)
        for method, path in (
            ("POST", "/blobs/uploads/"),
            ("DELETE", "/manifests/latest"),
            ("PUT", "/manifests/other"),
        ):
            assert hello.ask(method, path).status == 405
        assert verify(registry).returncode == 0
        assert "Traceback" not in registry.log.read_text()
    assert everything(registry.root / directory) == before


@pytest.mark.e2e
def test_users_log_in_at_a_registry_on_a_read_only_disk(tmp_path: Path) -> None:
    with guarded_registry(tmp_path):
        pass
    with read_only(tmp_path / "data"), guarded_registry(tmp_path) as registry:
        assert registry.token("reader", "repository:team/app:pull")


@pytest.mark.e2e
def test_what_a_crash_has_left_in_the_log_of_the_database_is_read_as_well(tmp_path: Path) -> None:
    with lading_serve(tmp_path) as registry:
        push(registry)
        shutil.copytree(registry.root, tmp_path / "copy")
    shutil.rmtree(registry.root)
    (tmp_path / "copy").rename(registry.root)
    log = registry.root / "lading/metadata.sqlite3-wal"
    assert log.stat().st_size > 0
    with read_only(registry.root), lading_serve(tmp_path) as registry:
        assert_reads(Repository(registry.client, "hello"))
    # Without the index of the log, which cannot be made, it would be served as it was before.
    log.with_name("metadata.sqlite3-shm").unlink()
    with read_only(registry.root):
        done = registry.run("serve", check=False)
        assert done.returncode == 1
        assert b"metadata.sqlite3-wal" in done.stderr
        assert b"Traceback" not in done.stderr


@pytest.mark.e2e
def test_an_empty_disk_that_is_read_only_cannot_be_a_registry(tmp_path: Path) -> None:
    root = tmp_path / "data"
    root.mkdir()
    config = tmp_path / "config.yml"
    config.write_text(f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {root}}}}}\n")
    with read_only(root):
        done = run([program(), "serve", config], check=False)
    assert done.returncode == 1
    assert b"there is no registry" in done.stderr
    assert b"Traceback" not in done.stderr


def verify(registry: Lading) -> subprocess.CompletedProcess[bytes]:
    return registry.run("verify", "--checksums", check=False)


def everything(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}

"""A registry whose bytes are in an object store, run as an operator does."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lading.blobs.s3.staged_objects import LEASE
from tests.support.client import Answer
from tests.support.commands import run
from tests.support.lading import Lading, lading_serve, program, started_workers
from tests.support.object_places import delete_object, objects_of, put_object
from tests.support.processes import wait_until
from tests.support.pushes import Repository, digest_of
from tests.support.s3 import S3

pytestmark = pytest.mark.e2e

MIB = 1024 * 1024


def settings_of(s3: S3, directory: Path, **storage: object) -> dict[str, object]:
    """The settings of a registry in a bucket."""
    section = {**s3.settings, "localdirectory": str(directory / "local")}
    collecting = {"enabled": False, "grace": "0s"}
    return {
        "storage": {
            "s3": section,
            "delete": {"enabled": True},
            "garbagecollect": collecting,
            **storage,
        }
    }


@pytest.fixture
def registry(s3: S3, tmp_path: Path) -> Iterator[Lading]:
    """A registry with two workers, through which all bytes go."""
    settings = settings_of(s3, tmp_path, redirect={"disable": True})
    with lading_serve(tmp_path, settings=settings) as registry:
        started_workers(registry)
        s3.proxy.reset()
        yield registry


@pytest.fixture
def redirecting(s3: S3, tmp_path: Path) -> Iterator[Lading]:
    """A registry with two workers, which sends clients to the object store."""
    with lading_serve(tmp_path, settings=settings_of(s3, tmp_path)) as registry:
        started_workers(registry)
        s3.proxy.reset()
        yield registry


def lading(registry: Lading, *words: str, check: bool = True) -> str:
    """Run a command on the registry's data; what it said."""
    done = registry.run(*words, check=check)
    return (done.stdout + done.stderr).decode()


def push_as_docker(repository: Repository, data: bytes) -> str:
    """Push a blob in three requests, each of which may come to another worker; its digest."""
    location, digest = repository.start_upload(), digest_of(data)
    answer = repository.client.ask("PATCH", location, [data])
    assert answer.status == 202, answer
    answer = repository.client.ask("PUT", f"{answer.headers['Location']}?digest={digest}")
    assert answer.status == 201, answer
    return digest


def pull(repository: Repository, digest: str) -> Answer:
    return repository.ask("GET", f"/blobs/{digest}")


@pytest.mark.parametrize(("size", "most"), [(4096, 1), (16 * MIB, 1), (40 * MIB, 6)])
def test_what_a_push_and_a_pull_cost(s3: S3, redirecting: Lading, size: int, most: int) -> None:
    """One request to the store, or the parts and three more; a HEAD and a redirect cost none."""
    repository, data = Repository(redirecting.client, "library/hello"), os.urandom(size)
    digest = push_as_docker(repository, data)
    assert s3.proxy.count() == most

    assert repository.ask("HEAD", f"/blobs/{digest}").headers["Content-Length"] == str(size)
    assert repository.ask("GET", f"/blobs/{digest}").status in {200, 307}
    if size > MIB:
        assert repository.ask("GET", f"/blobs/{digest}").status == 307
        assert s3.proxy.count() == most


def test_images_come_back_and_go_away(s3: S3, registry: Lading) -> None:
    """Parts of blobs, too; what was deleted is collected, and its objects wait for readers."""
    repository, layer = Repository(registry.client, "library/hello"), os.urandom(3 * MIB)
    digest = repository.push_image("latest", layer)
    blob = digest_of(layer)
    assert pull(repository, blob).body == layer
    part = repository.ask("GET", f"/blobs/{blob}", range="bytes=1000000-2000000")
    assert part.body == layer[1_000_000:2_000_001]
    assert "all is well" in lading(registry, "verify", "--checksums")

    assert repository.ask("DELETE", f"/manifests/{digest}").status == 202
    assert len(objects_of(s3)) == 3
    said = lading(registry, "garbage-collect")
    assert "2 blobs" in said, said
    assert "2 objects (3.0 MiB) that nothing needs" in said, said
    assert len(objects_of(s3)) == 3
    said = lading(registry, "verify")
    assert "all is well" in said
    assert "2 objects (3.0 MiB) that nothing needs" in said


def test_a_killed_worker_leaves_what_was_acknowledged(registry: Lading) -> None:
    """The upload goes on in another one, after the seconds for which the dead one has it."""
    repository, data = Repository(registry.client, "library/hello"), os.urandom(30 * MIB)
    location = repository.start_upload()
    first = registry.client.ask("PATCH", location, data[: 10 * MIB])
    assert first.status == 202
    with registry.client.connection() as connection:
        head = f"PATCH {location} HTTP/1.1\r\nhost: x\r\ncontent-length: {20 * MIB}\r\n\r\n"
        connection.send(head.encode() + data[10 * MIB : 18 * MIB])
        time.sleep(0.5)
        for worker in started_workers(registry):
            os.kill(worker, signal.SIGKILL)
    started_workers(registry)

    status = registry.client.ask("GET", location)
    assert status.headers["Range"] == f"0-{10 * MIB - 1}"
    rest = data[10 * MIB :]

    def goes_on() -> bool:
        status = registry.client.ask("PATCH", location, rest).status
        assert status in {202, 416}
        return status == 202

    # Perhaps at once: on a slow machine those seconds are over before the new workers serve.
    wait_until(goes_on, "the upload is free", seconds=LEASE + 10)
    digest = digest_of(data)
    assert registry.client.ask("PUT", f"{location}?digest={digest}").status == 201
    assert pull(repository, digest).body == data


def test_a_lost_object_is_told_and_healed_by_a_push(s3: S3, registry: Lading) -> None:
    """Whoever asks first is told to come again; who asks then pushes it."""
    repository, layer = Repository(registry.client, "library/hello"), os.urandom(MIB)
    digest = repository.push_image("latest", layer)
    blob = digest_of(layer)
    (lost,) = [key for key, size in objects_of(s3).items() if size == MIB]
    delete_object(s3, lost)
    assert "its bytes are not there" in lading(registry, "verify", check=False)

    assert pull(repository, blob).status in {503, 404}
    assert registry.has_said("damaged")
    assert repository.ask("HEAD", f"/blobs/{blob}").status == 404
    assert push_as_docker(repository, layer) == blob
    assert pull(repository, blob).body == layer
    assert repository.ask("GET", f"/manifests/{digest}").status == 200
    assert "all is well" in lading(registry, "verify", "--checksums")


def test_a_store_that_is_away_costs_an_answer_and_nothing_else(s3: S3, registry: Lading) -> None:
    """Pulls of what is not in memory, and pushes, are to come again; then all is there."""
    repository, layer = Repository(registry.client, "library/hello"), os.urandom(MIB)
    blob = push_as_docker(repository, layer)
    for kind in ("GET", "PUT"):
        s3.proxy.fail(kind, "403", times=1000)
    answer = pull(repository, blob)
    assert answer.status == 503
    assert answer.headers["Retry-After"]
    assert registry.client.ask("PATCH", repository.start_upload(), [layer]).status == 503

    s3.proxy.reset()
    assert pull(repository, blob).body == layer
    assert repository.ask("HEAD", f"/blobs/{blob}").status == 200


def test_objects_that_nothing_knows_are_found(s3: S3, registry: Lading) -> None:
    """And removed, if so wished."""
    Repository(registry.client, "library/hello").push_image("latest", b"layer")
    put_object(s3, "objects/00/stray", b"nobody's")
    time.sleep(1.5)
    said = lading(registry, "verify", check=False)
    assert "objects/00/stray" in said
    assert len(objects_of(s3)) == 4

    lading(registry, "verify", "--repair", check=False)
    assert len(objects_of(s3)) == 3
    assert "all is well" in lading(registry, "verify", "--checksums")


def test_a_bucket_of_another_database_is_refused(registry: Lading, tmp_path: Path) -> None:
    """Its objects would be garbage for this one."""
    Repository(registry.client, "library/hello").push_image("latest", b"layer")
    other = tmp_path / "other"
    other.mkdir()
    config = other / "config.yml"
    text = registry.config.read_text().replace(str(tmp_path / "local"), str(other / "local"))
    config.write_text(text)

    refused = run([program(), "serve", config], check=False)

    assert refused.returncode != 0
    assert "storage.s3.rootdirectory" in refused.stderr.decode()


def test_a_backup_names_the_objects(s3: S3, registry: Lading, tmp_path: Path) -> None:
    """Those of the blobs that the copy of the database knows."""
    Repository(registry.client, "library/hello").push_image("latest", b"layer")
    lading(registry, "backup", str(tmp_path / "backup"))

    listed = (tmp_path / "backup" / "blobs.txt").read_text().split()
    assert len(listed) == 2
    assert set(listed) < set(objects_of(s3))

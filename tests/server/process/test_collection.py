"""A running server collects garbage by itself, and lets others do it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.support.lading import Lading, lading_serve, program
from tests.support.processes import background, wait_until
from tests.support.pushes import Repository

AT_ONCE = {
    "REGISTRY_STORAGE_GARBAGECOLLECT_INTERVAL": "100ms",
    "REGISTRY_STORAGE_GARBAGECOLLECT_GRACE": "0s",
    "REGISTRY_STORAGE_GARBAGECOLLECT_TRASH": "0s",
    "REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING_INTERVAL": "100ms",
    "REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING_AGE": "1s",
}


def test_what_is_deleted_and_what_is_given_up_goes_by_itself(tmp_path: Path) -> None:
    """With two workers, of which one collects; what is in use stays."""
    with lading_serve(tmp_path, env=AT_ONCE) as registry:
        repository = Repository(registry.client, "library/hello")
        deleted = push_until_kept(repository, "old", b"old layer")
        push_until_kept(repository, "new", b"new layer")
        repository.start_upload()
        assert repository.ask("DELETE", f"/manifests/{deleted}").status == 202

        wait_until(lambda: len(files(registry)) == 2, "only the new image's blobs")
        wait_until(lambda: not (list((registry.root / "lading/uploads").iterdir())), "no upload")
        assert repository.ask("GET", "/manifests/new").status == 200
        # It is said when all is done, which the end of the server may come before.
        log = tmp_path / "lading.log"
        wait_until(lambda: "garbage collected: 1 manifests" in log.read_text(), "the log's line")


def test_a_server_that_is_told_to_stop_lets_go_of_its_jobs(tmp_path: Path) -> None:
    """So that the next one does not wait for a lease."""
    with lading_serve(tmp_path, env=AT_ONCE) as registry:
        wait_until(lambda: len(holders(registry)) >= 2, "jobs to have run")

    assert set(holders(registry)) == {None}


def test_a_read_only_server_collects_nothing(tmp_path: Path) -> None:
    """Whoever made it read-only wants nothing to change."""
    read_only = {"REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED": "true"}
    with lading_serve(tmp_path, env=AT_ONCE | read_only) as registry:
        assert registry.client.ask("GET", "/v2/").status == 200

    assert holders(registry) == []


def test_a_collection_by_hand_says_for_whom_it_waits(tmp_path: Path) -> None:
    """A lease of a process that is dead ends by itself."""
    with lading_serve(tmp_path) as registry:
        wait_until(lambda: len(holders(registry)) >= 2, "jobs to have run")
    lease_all(registry, "a dead process", seconds=60)
    said = tmp_path / "said"

    with background([program(), "garbage-collect", str(registry.config)], log=said) as collecting:
        told = "Waiting for a dead process, which is collecting garbage"
        wait_until(lambda: told in said.read_text(), "waiting", log=said.read_text)
        lease_all(registry, "a dead process", seconds=1)
        assert collecting.wait(60) == 0

    assert "0 manifests, 0 blobs and 0 uploads removed" in said.read_text()


def lease_all(registry: Lading, holder: str, *, seconds: int) -> None:
    """Have somebody do all jobs, until a time after which that is over."""
    with closing(sqlite3.connect(database(registry))) as connection, connection:
        connection.execute(
            "UPDATE jobs SET holder = ?, expires_at = unixepoch() + ?", (holder, seconds)
        )


def push_until_kept(repository: Repository, tag: str, layer: bytes) -> str:
    """Push an image; without grace its blobs may be collected before its manifest comes."""
    for _ in range(100):
        try:
            return repository.push_image(tag, layer)
        except AssertionError as refused:
            assert "MANIFEST_BLOB_UNKNOWN" in str(refused)  # noqa: PT017 - it is tried again
    raise AssertionError("every push was refused")


def files(registry: Lading) -> list[Path]:
    """The files of all blobs."""
    return list((registry.root / "docker/registry/v2/blobs").rglob("data"))


def database(registry: Lading) -> Path:
    """The file of what is known."""
    return registry.root / "lading/metadata.sqlite3"


def holders(registry: Lading) -> list[str | None]:
    """Who does the jobs that ever ran."""
    with closing(sqlite3.connect(database(registry))) as connection:
        return [holder for (holder,) in connection.execute("SELECT holder FROM jobs")]

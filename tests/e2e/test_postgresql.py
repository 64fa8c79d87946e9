"""A registry whose metadata is in PostgreSQL, run as an operator does."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import run
from tests.support.lading import Lading, lading_serve, program, started_workers, workers_of
from tests.support.postgresql import PostgreSQL, running_postgresql
from tests.support.processes import wait_until
from tests.support.pushes import Repository, digest_of

pytestmark = pytest.mark.e2e


@pytest.fixture
def server() -> Iterator[PostgreSQL]:
    """A server of the test alone."""
    with running_postgresql() as server:
        yield server


@pytest.fixture
def registry(server: PostgreSQL, tmp_path: Path) -> Iterator[Lading]:
    """A registry with two workers on it."""
    url = server.url("registry").replace("postgres@", "postgres:hush@")
    server.ask("CREATE DATABASE registry")
    settings = {"database": {"postgresql": {"url": url, "timeout": "3s"}}}
    with lading_serve(tmp_path, settings=settings) as registry:
        yield registry


def lading(registry: Lading, *words: str, check: bool = True) -> str:
    """Run a command on the registry's data; what it said."""
    done = registry.run(*words, check=check)
    return (done.stdout + done.stderr).decode()


def test_commands_and_workers_share_it(registry: Lading) -> None:
    """All that is known is there, and nothing of it beside the blobs."""
    workers = started_workers(registry)
    repository = Repository(registry.client, "library/hello")
    digest = repository.push_image("latest", b"layer")
    assert repository.ask("GET", "/manifests/latest").headers["Docker-Content-Digest"] == digest
    assert registry.client.ask("GET", "/v2/_catalog").json == {"repositories": ["library/hello"]}
    assert not list(registry.root.rglob("*.sqlite3*"))

    os.kill(min(workers), signal.SIGKILL)
    wait_until(lambda: len(workers_of(registry) - {min(workers)}) == 2, "another worker")
    for _ in range(8):
        assert repository.ask("GET", "/manifests/latest").status == 200


def test_commands_work_beside_the_server(registry: Lading) -> None:
    """All those that open a registry."""
    repository = Repository(registry.client, "library/hello")
    digest = repository.push_image("latest", b"layer")
    repository.push_image("new", b"new layer")
    assert "latest" in lading(registry, "why", digest)
    assert repository.ask("DELETE", f"/manifests/{digest}").status == 202
    assert repository.ask("GET", "/manifests/latest").status == 404
    assert "library/hello" in lading(registry, "trash", "ls")
    lading(registry, "restore", f"library/hello@{digest}")
    assert repository.ask("GET", "/manifests/latest").status == 200
    assert digest in lading(registry, "history", "library/hello:latest")
    assert repository.ask("DELETE", "/manifests/latest").status == 202
    assert repository.ask("DELETE", f"/manifests/{digest}").status == 202
    assert digest in lading(registry, "garbage-collect", "--json")
    lading(registry, "verify", "--checksums")
    lading(registry, "read-only", "on")
    assert "on" in lading(registry, "read-only", "status")
    lading(registry, "read-only", "off")
    lading(registry, "token", "create", "builder", "-r", "**", "-a", "pull")
    assert "builder" in lading(registry, "token", "ls")


def test_a_worker_that_starts_without_the_database_comes_when_that_is_back(
    registry: Lading, server: PostgreSQL
) -> None:
    """Its server goes on meanwhile."""
    workers = started_workers(registry)
    repository = Repository(registry.client, "library/hello")
    repository.push_image("latest", b"layer")
    server.stop()
    os.kill(min(workers), signal.SIGKILL)
    time.sleep(4)  # longer than it waits for the database
    server.start()
    wait_until(lambda: len(workers_of(registry) - {min(workers)}) == 2, "another worker")
    wait_until(
        lambda: repository.ask("GET", "/manifests/latest").status == 200, "a worker that answers"
    )


def test_a_database_that_is_away_is_told_and_found_again(
    registry: Lading, server: PostgreSQL
) -> None:
    """By workers that go on, within the time that is set."""
    started_workers(registry)
    repository = Repository(registry.client, "library/hello")
    repository.push_image("latest", b"layer")
    server.stop()
    begun = time.monotonic()
    answers = [repository.ask("GET", "/manifests/latest") for _ in range(2)]
    assert [answer.status for answer in answers] == [503, 503]
    assert all(answer.headers["Retry-After"] for answer in answers)
    assert time.monotonic() - begun < 20
    server.start()
    assert repository.ask("GET", "/manifests/latest").status == 200
    repository.push_image("new", b"another layer")


def test_its_password_is_shown_nowhere(registry: Lading, server: PostgreSQL) -> None:
    """Neither in the log, nor by a command, nor when it cannot be reached."""
    assert "postgres:***@127.0.0.1" in lading(registry, "config", "show")
    server.stop()
    said = [
        lading(registry, "config", "show"),
        lading(registry, "verify", check=False),
        registry.log.read_text(),
    ]
    assert "PostgreSQL cannot be used" in said[1]
    assert not [text for text in said if "hush" in text]


def test_a_backup_is_made_by_its_own_programs(registry: Lading, tmp_path: Path) -> None:
    said = lading(registry, "backup", str(tmp_path / "copy"), check=False)
    assert "pg_dump" in said
    assert not (tmp_path / "copy").exists()


def test_it_does_not_begin_beside_blobs_of_somebody_else(
    server: PostgreSQL, tmp_path: Path
) -> None:
    """Unless it is told to; nothing is made before that."""
    digest = digest_of(b"foreign")[7:]
    blob = tmp_path / "data/docker/registry/v2/blobs/sha256" / digest[:2] / digest / "data"
    blob.parent.mkdir(parents=True)
    blob.write_bytes(b"foreign")
    environment = {
        "REGISTRY_DATABASE_POSTGRESQL_URL": server.url(),
        "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": str(tmp_path / "data"),
    }
    refused = run([program(), "verify"], check=False, env=environment)
    assert b"the database that knows them is not there" in refused.stderr
    assert server.ask("SELECT 1 FROM pg_tables WHERE tablename = 'repositories'") == []
    environment["REGISTRY_STORAGE_FILESYSTEM_FOREIGNBLOBS"] = "keep"
    run([program(), "verify"], check=False, env=environment)
    noted = set(server.ask("SELECT name FROM switches"))
    assert noted == {("strangers",), ("registry",)}  # whose the files are now


def test_a_newer_database_is_refused(registry: Lading, server: PostgreSQL) -> None:
    """By commands as by servers."""
    server.ask("UPDATE lading_schema SET version = 1000", "registry")
    said = lading(registry, "garbage-collect", check=False)
    assert "the database was written by a newer version of lading" in said


def test_what_speaks_to_it_is_loaded_for_it_alone() -> None:
    """Whoever has metadata in a file pays nothing for it."""
    code = (
        "import sys; from lading.wiring import application;"
        "from lading.cli.commands import main;"
        "sys.exit(' '.join(name for name in sys.modules if name.startswith('psycopg')) or None)"
    )
    run([Path(program()).with_name("python"), "-c", code])

"""A registry on PostgreSQL and S3, as it is seen by who watches it, when one of both fails."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.lading import Lading, lading_serve, started_workers
from tests.support.metrics import WATCHED, figures, watcher
from tests.support.postgresql import PostgreSQL
from tests.support.processes import wait_until
from tests.support.pushes import Repository
from tests.support.s3 import S3

pytestmark = pytest.mark.e2e

ACTION = 'registry_storage_action_seconds_count{action="%s",driver="s3aws"}'


@pytest.fixture
def url(postgresql: PostgreSQL) -> str:
    """A database of its own, as others are still connected to theirs."""
    return postgresql.new_url()


@pytest.fixture
def registry(s3: S3, url: str, tmp_path: Path) -> Iterator[Lading]:
    """A registry with two workers, through which all bytes go."""
    section = {**s3.settings, "localdirectory": str(tmp_path / "local")}
    settings = {
        "storage": {"s3": section, "redirect": {"disable": True}},
        "database": {"postgresql": {"url": url, "timeout": "2s"}},
        "http": {"addr": "127.0.0.1:0", "workers": 2, "debug": WATCHED},
    }
    with lading_serve(tmp_path, settings=settings) as registry:
        started_workers(registry)
        yield registry


def read(registry: Lading) -> dict[str, float]:
    """The figures of a registry now."""
    return dict(figures(watcher(registry).ask("GET", "/metrics").body.decode()))


def complaints(registry: Lading) -> dict[str, str]:
    """What is not ready, and why."""
    found = watcher(registry).ask("GET", "/readyz", accept="application/json").json
    return {name: why for name, why in found.items() if why != "ok"}


def test_calls_of_both_are_counted(registry: Lading, s3: S3) -> None:
    """Each request to the store once, what it did again, and the connections of the pool."""
    s3.proxy.fail("PUT", "503", times=2)
    repository = Repository(registry.client, "team/app")
    digest = repository.push_blob(b"x" * 100_000)
    assert repository.ask("GET", f"/blobs/{digest}").status == 200
    found = read(registry)
    assert found[ACTION % "PutContent"] >= 1
    assert found[ACTION % "Reader"] >= 1
    assert found['lading_storage_repeats_total{cause="throttled"}'] == 2
    assert found["lading_storage_errors_total"] == 0
    assert found['lading_database_seconds_count{operation="write"}'] > 0
    assert found["lading_database_connection_wait_seconds_count"] > 0
    assert found['lading_database_connections{state="open"}'] >= 2
    assert found['lading_database_connections{state="used"}'] >= 0
    wait_until(lambda: read(registry).get('lading_blobs{class="linked"}', 0) >= 0, "the survey")


def test_a_database_that_is_away_is_named(registry: Lading, postgresql: PostgreSQL) -> None:
    """Within seconds, and the failures are counted; when it is back, all is well."""
    assert complaints(registry) == {}
    postgresql.freeze()
    try:
        wrong = complaints(registry)
        assert "database" in wrong
        assert "store" not in wrong
        assert watcher(registry).ask("GET", "/livez").status == 200
    finally:
        postgresql.thaw()
    wait_until(lambda: complaints(registry) == {}, "the database")
    assert read(registry)["lading_database_errors_total"] >= 1


def test_a_database_that_takes_no_changes_is_named(
    registry: Lading, postgresql: PostgreSQL, url: str
) -> None:
    """As pushes fail; who asks whether pulls do leaves that out."""
    database = urlsplit(url).path.removeprefix("/")
    cut = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
    told = "default_transaction_read_only"
    postgresql.ask(f"ALTER DATABASE {database} SET {told} = on")
    postgresql.ask(cut)
    assert set(complaints(registry)) == {"changes"}
    assert watcher(registry).ask("GET", "/readyz?exclude=changes").status == 200
    postgresql.ask(f"ALTER DATABASE {database} RESET {told}")
    postgresql.ask(cut)
    assert complaints(registry) == {}


def test_a_store_that_is_away_is_named(registry: Lading, s3: S3) -> None:
    s3.proxy.fail("HEAD", "hang", times=100)
    assert set(complaints(registry)) == {"store"}
    s3.proxy.reset()
    wait_until(lambda: complaints(registry) == {}, "the store")

"""`lading trash ls`, `restore` and `history`, beside a running server."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import click
import pytest

from lading.cli.arguments import parse_time
from tests.support.lading import Lading, lading_serve
from tests.support.pushes import Repository


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lading]:
    """A running registry."""
    with lading_serve(tmp_path_factory.mktemp("trash")) as registry:
        yield registry


@pytest.fixture
def repository(registry: Lading, request: pytest.FixtureRequest) -> Repository:
    """A repository of the test's own."""
    return Repository(registry.client, f"trash/{len(request.node.name)}")


def lading(registry: Lading, *words: str) -> str:
    """Run a command that succeeds."""
    return registry.run(*words).stdout.decode()


def refused(registry: Lading, *words: str) -> str:
    """Run a command that fails; what it says."""
    done = registry.run(*words, check=False)
    assert done.returncode != 0
    assert b"Traceback" not in done.stderr
    return done.stderr.decode()


def test_a_deleted_image_is_listed_and_restored(registry: Lading, repository: Repository) -> None:
    digest = repository.push_image("latest", b"layer")
    pulled = repository.ask("GET", "/manifests/latest").body
    assert repository.ask("DELETE", f"/manifests/{digest}").status == 202

    listed = lading(registry, "trash", "ls", "--repository", repository.name).splitlines()
    assert listed[0].startswith(f"{repository.name}@{digest}")
    assert listed[0].endswith("tagged latest")
    assert ", kept until 2" in listed[1]
    assert repository.name in lading(registry, "trash", "ls")

    said = lading(registry, "restore", f"{repository.name}@{digest}")
    assert said.splitlines() == [
        f"{repository.name}@{digest} is back",
        f"{repository.name}:latest points to {digest}",
    ]
    assert repository.ask("GET", "/manifests/latest").body == pulled
    assert lading(registry, "trash", "ls", "--repository", repository.name) == ""


def test_a_tag_goes_back_in_time(registry: Lading, repository: Repository) -> None:
    first = repository.push_image("latest", b"one")
    time.sleep(1.1)
    second = repository.push_image("latest", b"two")
    told = lading(registry, "history", f"{repository.name}:latest").splitlines()
    assert told[0].split("\t")[1:3] == [second, first]
    assert told[1].split("\t")[1:3] == [first, "new"]

    moment = told[1][: len("2026-01-31 23:59:59Z")]
    lading(registry, "restore", f"{repository.name}:latest", "--at", moment)

    answer = repository.ask("HEAD", "/manifests/latest")
    assert answer.headers["Docker-Content-Digest"] == first
    last = json.loads(lading(registry, "history", f"{repository.name}:latest", "--json"))[0]
    assert (last["previous"], last["digest"]) == (second, first)
    assert "@" in last["actor"]
    assert datetime.fromisoformat(last["at"]).timestamp() == pytest.approx(time.time(), abs=60)


def test_all_of_a_repository_comes_back(registry: Lading, repository: Repository) -> None:
    digest = repository.push_image("latest", b"layer")
    repository.ask("DELETE", "/manifests/latest")

    listed = json.loads(lading(registry, "trash", "ls", "--json", "--repository", repository.name))
    assert [(item["tag"], item["digest"]) for item in listed] == [("latest", digest)]
    kept, deleted = (
        datetime.fromisoformat(listed[0][name]) for name in ("kept_until", "deleted_at")
    )
    assert kept - deleted == timedelta(days=7)

    restored = json.loads(lading(registry, "restore", repository.name, "--json"))
    assert restored == {"manifests": [], "tags": [["latest", digest]], "taken": [], "lost": []}


def test_what_cannot_be_is_said_in_a_line(registry: Lading, repository: Repository) -> None:
    name = repository.name
    digest = repository.push_image("latest", b"layer")
    for words, reason in (
        (("restore", name), "nothing of"),
        (("restore", f"{name}:latest"), "add --at and a time"),
        (("restore", f"{name}:other"), "never had a tag other"),
        (("restore", f"{name}@{digest}"), "is not deleted"),
        (("restore", f"{name}@sha256:{'0' * 64}"), "collected, or never pushed"),
        (("restore", f"{name}@sha256:0"), "not a digest"),
        (("restore", "NAME"), "repository names are"),
        (("restore", f"{name}:latest", "--at", "yesterday"), "is no time"),
        (("restore", f"{name}:latest", "--at", "2000-01-01"), "had no tag latest at that time"),
        (("restore", name, "--at", "2000-01-01"), "--at goes with a tag"),
        (("history", f"{name}:other"), "never had a tag other"),
        (("history", name), "write REPOSITORY:TAG"),
    ):
        assert reason in refused(registry, *words), words


def test_times_are_read_as_they_are_written() -> None:
    """Without a zone they are local."""

    end = datetime(2026, 1, 31, 23, 59, 59, 999999, tzinfo=UTC).timestamp()
    assert parse_time("2026-01-31 23:59:59Z") == pytest.approx(end)
    assert parse_time("2026-02-01T00:59:59+01:00") == pytest.approx(end)
    assert parse_time("2026-01-31 23:59:59.5Z") == pytest.approx(end - 0.5)
    local = datetime(2026, 1, 31, 23, 59, 59, 999999).astimezone().timestamp()
    assert parse_time("2026-01-31 23:59:59") == pytest.approx(local)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "0001-01-01T00:00:00+14:00", "9999-12-31T23-10:00"]
)
def test_what_is_no_time_of_ours_is_refused(text: str) -> None:
    """Nor is what was before the first year, or will be after the last that can be written."""
    with pytest.raises(click.BadParameter, match="is no time"):
        parse_time(text)


def test_moves_are_asked_for_by_a_number_of_them(registry: Lading, repository: Repository) -> None:
    """No other number is taken for all, nor for none."""
    repository.push_image("latest", b"one")
    for limit in ("0", "-1", "99999999999999999999"):
        assert "--limit" in refused(
            registry, "history", f"{repository.name}:latest", "--limit", limit
        )

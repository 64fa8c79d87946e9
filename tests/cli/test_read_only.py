"""`lading read-only`: the switch, and what clients of all workers see of it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.client import Answer
from tests.support.commands import run
from tests.support.lading import Lading, lading_serve, program
from tests.support.pushes import Repository, digest_of, image

# Each over a connection of its own: enough that both workers are asked.
MANY = 20
READABLE = "GET, HEAD, OPTIONS"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Lading]:
    """A registry with two workers and an image."""
    with lading_serve(tmp_path) as registry:
        Repository(registry.client, "hello").push_image("latest", b"a layer")
        yield registry


def switch(registry: Lading, state: str, *options: str) -> str:
    return registry.run("read-only", state, *options).stdout.decode().strip()


def assert_read_only(answer: Answer, allow: str) -> None:
    assert answer.status == 405, answer
    assert answer.codes == ["UNSUPPORTED"]
    assert answer.headers["Allow"] == allow
    assert "read-only" in answer.json["errors"][0]["message"]


def test_it_is_switched_for_all_workers_at_once_and_uploads_go_on_afterwards(
    registry: Lading,
) -> None:
    hello = Repository(registry.client, "hello")
    upload = hello.start_upload().removeprefix(hello.path)
    assert hello.ask("PATCH", upload, b"begun ").status == 202

    assert switch(registry, "on").startswith("read-only since ")
    for _ in range(MANY):
        assert_read_only(hello.ask("POST", "/blobs/uploads/"), "OPTIONS")
        assert_read_only(hello.ask("PATCH", upload, b"more"), READABLE)
        assert hello.ask("GET", f"/blobs/{digest_of(b'a layer')}").body == b"a layer"
    assert_read_only(hello.ask("PUT", f"{upload}?digest={digest_of(b'begun ')}"), READABLE)
    assert_read_only(hello.ask("DELETE", upload), READABLE)
    assert_read_only(hello.put_manifest(image(b"a layer"), "other"), READABLE)
    assert_read_only(hello.ask("DELETE", "/manifests/latest"), READABLE)
    assert hello.ask("GET", upload).headers["Range"] == "0-5"

    assert switch(registry, "off") == "pushes and deletes are accepted"
    for _ in range(MANY):
        assert hello.ask("POST", "/blobs/uploads/").status == 202
    answer = hello.ask("PUT", f"{upload}?digest={digest_of(b'begun and done')}", b"and done")
    assert answer.status == 201


def test_it_is_told_by_whom_and_since_when_and_outlives_a_restart(tmp_path: Path) -> None:
    with lading_serve(tmp_path) as registry:
        assert switch(registry, "status") == "pushes and deletes are accepted"
        on = switch(registry, "on")
        assert "switched on by" in on
        # A second time changes nothing, not even the time.
        assert switch(registry, "on") == on
        assert switch(registry, "status") == on
        state = json.loads(switch(registry, "status", "--json"))
        assert (state["read_only"], state["configured"]) == (True, False)
        assert state["by"] in on
    with lading_serve(tmp_path) as registry:
        hello = Repository(registry.client, "hello")
        assert_read_only(hello.ask("POST", "/blobs/uploads/"), "OPTIONS")


def test_what_the_configuration_says_cannot_be_switched_off(registry: Lading) -> None:
    done = run(
        [program(), "read-only", "off", registry.config],
        env={"REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED": "true"},
    )
    assert b"read-only by the configuration (storage.maintenance.readonly.enabled)" in done.stdout

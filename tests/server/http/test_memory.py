"""Whole bodies, in and out, of clients that stand still: what they take of a worker is bounded."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.support.client import Connection
from tests.support.lading import Lading, lading_serve
from tests.support.memory import memory_of_workers
from tests.support.processes import wait_until
from tests.support.pushes import OCI_MANIFEST, Repository, encode, image

MIB = 1024 * 1024
CLIENTS = 60
# MiB by which a worker may grow for all of them, where whole bodies would take 240, or 480.
MOST = 100
# As large as a manifest may be.
LARGE = encode(image(annotations={"padding": "x" * (4 * MIB - 1024)}))


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Lading]:
    """A registry of one process."""
    with lading_serve(tmp_path, env={"REGISTRY_HTTP_WORKERS": "1"}) as registry:
        Repository(registry.client, "memory").push_image("small")
        yield registry


@pytest.fixture
def repository(registry: Lading) -> Repository:
    return Repository(registry.client, "memory")


@pytest.fixture
def clients(repository: Repository) -> Iterator[list[Connection]]:
    """Clients with a connection each."""
    with ExitStack() as stack:
        yield [stack.enter_context(repository.client.connection()) for _ in range(CLIENTS)]


def test_manifests_that_never_become_complete(
    registry: Lading, repository: Repository, clients: list[Connection]
) -> None:
    """All but the last bytes are here; and when those come after all, each is stored."""
    before = memory_of_workers(registry)[0]
    for number, client in enumerate(clients):
        client.request(
            "PUT",
            f"/v2/memory/manifests/v{number}",
            content_type=OCI_MANIFEST,
            content_length=str(len(LARGE)),
        )
        client.send(LARGE[:-100])

    assert_little_is_taken(registry, before)
    assert_others_are_served(repository)
    for client in clients:
        client.send(LARGE[-100:])
    assert {client.receive().status for client in clients} == {201}
    assert memory_of_workers(registry)[0] < before + 2 * MOST
    assert repository.ask("GET", "/manifests/v7").body == LARGE


def test_large_answers_that_nobody_takes(
    registry: Lading, repository: Repository, clients: list[Connection]
) -> None:
    """Two for each client that asks; and whoever takes them after all gets all of them."""
    assert repository.put_manifest(LARGE, "large").status == 201
    before = memory_of_workers(registry)[0]
    for client in clients:
        for _ in range(2):
            client.request("GET", "/v2/memory/manifests/large")

    assert_little_is_taken(registry, before)
    assert_others_are_served(repository)
    for client in clients:
        assert [client.receive().body == LARGE for _ in range(2)] == [True, True]


def test_bodies_behind_an_answer_that_nobody_takes(
    registry: Lading, repository: Repository, clients: list[Connection]
) -> None:
    """Sent ahead of their turn, together with many small requests."""
    assert repository.put_manifest(LARGE, "large").status == 201
    before = memory_of_workers(registry)[0]
    small = b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n"
    push = b"PUT /v2/memory/manifests/v HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n"
    for client in clients:
        client.request("GET", "/v2/memory/manifests/large")
        client.send(small * 250 + push + b"x" * 200_000)

    assert_little_is_taken(registry, before)
    assert_others_are_served(repository)


def assert_little_is_taken(registry: Lading, before: float) -> None:
    """However much there is that the clients wait for, or are waited for."""
    time.sleep(1)  # in which whatever was sent is read, and what was asked for is made
    assert memory_of_workers(registry)[0] < before + MOST


def assert_others_are_served(repository: Repository) -> None:
    def served() -> bool:
        return repository.ask("GET", "/manifests/small").body == encode(image())

    wait_until(served, "an answer for somebody else")
    assert repository.push_image("other")
    assert repository.put_manifest(LARGE, "another").status == 201
    assert repository.ask("GET", "/manifests/another").body == LARGE


def test_bodies_of_those_who_may_not_send_them_take_nothing_from_others(tmp_path: Path) -> None:
    """A body is refused before it is here; the client that goes on sending it has no buffers."""
    users = tmp_path / "users"
    users.write_text("")
    env = {
        "REGISTRY_HTTP_WORKERS": "1",
        "REGISTRY_AUTH_HTPASSWD_REALM": "lading",
        "REGISTRY_AUTH_HTPASSWD_PATH": str(users),
    }
    with lading_serve(tmp_path, env=env) as registry, ExitStack() as stack:
        before = memory_of_workers(registry)[0]
        for _ in range(CLIENTS):
            client = stack.enter_context(registry.client.connection())
            client.request("POST", "/v2/a/blobs/uploads/", content_length=str(64 * MIB))
            assert client.receive().status == 401
            client.send(bytes(4 * MIB))
        time.sleep(1)
        assert memory_of_workers(registry)[0] < before + 10


def test_many_who_ask_at_once_whether_a_large_manifest_is_there(
    registry: Lading, repository: Repository, clients: list[Connection]
) -> None:
    """Each is promised that it stays, and waits for that to be written down; here in vain."""
    assert repository.put_manifest(LARGE, "large").status == 201
    before = memory_of_workers(registry)[0]
    database = registry.root / "lading" / "metadata.sqlite3"
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("UPDATE manifests SET promised_at = 0")  # long ago
        other.execute("BEGIN IMMEDIATE")
        for client in clients:
            client.request("HEAD", "/v2/memory/manifests/large")
        most = before
        for _ in range(50):
            most = max(most, memory_of_workers(registry)[0])
            time.sleep(0.01)
        for client in clients:
            assert client.receive(head=True).status == 200
    assert most < before + 60

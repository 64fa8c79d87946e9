"""A client that stands still is left; one that is slow is not."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from lading.config.settings import Settings
from tests.support.client import Connection
from tests.support.lading import Lading, lading_serve
from tests.support.processes import wait_until
from tests.support.pushes import Repository, digest_of

IDLE = 2.0
# Seconds between what a slow client does: far less, as a busy machine may add one.
STEP = IDLE / 8


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lading]:
    """A registry that leaves a client after two seconds without a sign of life."""
    env = {"REGISTRY_HTTP_IDLETIMEOUT": f"{IDLE:.0f}s"}
    with lading_serve(tmp_path_factory.mktemp("idle"), env=env) as registry:
        yield registry


@pytest.fixture
def repository(registry: Lading) -> Repository:
    return Repository(registry.client, "idle")


def test_a_client_that_stops_sending_is_left_and_what_it_sent_is_kept(
    repository: Repository,
) -> None:
    location = repository.start_upload()
    with repository.client.connection() as connection:
        began = time.monotonic()
        connection.request("PATCH", location, content_length="1000000")
        connection.send(b"x" * 1000)
        wait_until_closed(connection)
        assert time.monotonic() - began > IDLE
    # Nobody holds the upload any more.
    wait_until(lambda: append(repository, location, b"y"), "the end of the request")
    assert repository.client.ask("GET", location).headers["Range"] == "0-1000"


def test_a_client_that_stops_taking_is_left(registry: Lading, repository: Repository) -> None:
    digest = repository.push_blob(os.urandom(32 * 1024 * 1024))
    wait_until(lambda: open_files(registry) == 0, "the end of the push")
    with repository.client.connection() as connection:
        connection.request("GET", f"/v2/idle/blobs/{digest}")
        connection.wait()
        wait_until(lambda: open_files(registry) == 0, "leaving the client")


def test_a_client_that_sends_slowly_is_not_cut_off(repository: Repository) -> None:
    data = b"slow but sure"
    location = repository.start_upload()
    with repository.client.connection() as connection:
        connection.request(
            "PUT", f"{location}?digest={digest_of(data)}", content_length=str(len(data))
        )
        for byte in data:
            connection.send(bytes([byte]))
            time.sleep(STEP)
        assert connection.receive().status == 201


def test_a_client_that_takes_slowly_is_not_cut_off(
    registry: Lading, repository: Repository
) -> None:
    size = 12 * 1024 * 1024
    digest = repository.push_blob(os.urandom(size))
    host, _, port = registry.host.rpartition(":")
    with socket.socket() as client:
        # Small, so that the server feels each step of the client.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        client.connect((host, int(port)))
        client.sendall(f"GET /v2/idle/blobs/{digest} HTTP/1.1\r\nHost: idle\r\n\r\n".encode())
        deadline = time.monotonic() + 2 * IDLE
        received = 0
        while time.monotonic() < deadline:
            received += len(client.recv(64 * 1024))
            time.sleep(STEP)
        while received < size:
            data = client.recv(1024 * 1024)
            assert data
            received += len(data)


def test_a_client_that_asks_nothing_is_left(repository: Repository) -> None:
    began = time.monotonic()
    with repository.client.connection() as connection:
        wait_until_closed(connection)
    assert time.monotonic() - began > IDLE


def test_a_head_that_trickles_in_for_too_long_is_not_waited_for(repository: Repository) -> None:
    with repository.client.connection() as connection:
        began = time.monotonic()
        connection.send(b"GET /v2/ HTTP/1.1\r\n")
        while is_open(connection) and time.monotonic() < began + 20 * IDLE:
            time.sleep(STEP)
        assert IDLE < time.monotonic() - began < IDLE + 10


def test_a_connection_without_requests_for_long_is_closed_in_order(tmp_path: Path) -> None:
    """With the end of its data (FIN), never a reset, and not before its time."""
    env = {"REGISTRY_HTTP_KEEPALIVETIMEOUT": f"{IDLE:.0f}s"}
    with lading_serve(tmp_path, env=env) as registry, registry.client.connection() as connection:
        for _ in range(3):
            time.sleep(STEP)
            began = time.monotonic()
            connection.request("GET", "/v2/")
            assert connection.receive().status == 200
        assert connection.rest() == b""
        assert IDLE < time.monotonic() - began < IDLE + 10


def test_connections_are_kept_for_longer_than_proxies_keep_theirs() -> None:
    """Envoy's are the longest: "defaults to 1 hour" (its `idle_timeout`)."""
    assert Settings().http.keepalivetimeout > timedelta(hours=1)


def test_an_idle_connection_between_two_requests_is_kept(repository: Repository) -> None:
    """That is for the keep-alive timeout to end, which proxies are configured by."""
    with repository.client.connection() as connection:
        for _ in range(2):
            connection.request("GET", "/v2/")
            assert connection.receive().status == 200
            time.sleep(IDLE + 1.5)


def append(repository: Repository, location: str, data: bytes) -> bool:
    return repository.client.ask("PATCH", location, data).status == 202


def is_open(connection: Connection) -> bool:
    """Whether one more header can be sent."""
    try:
        connection.send(b"X-More: 1\r\n")
    except OSError:
        return False
    return True


def wait_until_closed(connection: Connection) -> None:
    with suppress(ConnectionResetError):
        assert connection.rest() == b""


def open_files(registry: Lading) -> int:
    """How many blobs the server has open."""
    children = Path(f"/proc/{registry.pid}/task/{registry.pid}/children").read_text().split()
    return sum(
        str(target).endswith("/data")
        for child in children
        for target in (Path(link) for link in links_of(child))
    )


def links_of(pid: str) -> Iterator[str]:
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            yield str(entry.readlink())
        except FileNotFoundError:  # closed meanwhile
            continue

"""Blobs that the kernel sends: past this program, byte for byte what the program would send."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.cache import can_bypass, is_cached
from tests.support.lading import Lading, lading_serve
from tests.support.processes import wait_until
from tests.support.pushes import Repository
from tests.support.temporary import on_disk

MIB = 1024 * 1024
# Around the sizes at which the way of a body changes.
SIZES = [256 * 1024, 256 * 1024 + 1, 512 * 1024 + 1, 5 * MIB + 7]
DATA = os.urandom(12 * MIB)


@pytest.fixture(scope="module")
def registry() -> Iterator[Lading]:
    with on_disk() as directory, lading_serve(directory) as registry:
        yield registry


@pytest.fixture
def repository(registry: Lading) -> Repository:
    return Repository(registry.client, "pulls")


@pytest.mark.parametrize("size", SIZES)
def test_a_blob_leaves_as_it_came_and_the_connection_goes_on(
    repository: Repository, size: int
) -> None:
    digest = repository.push_blob(DATA[:size])
    with repository.client.connection() as connection:
        for _ in range(3):
            connection.request("GET", f"{repository.path}/blobs/{digest}")
            connection.request("GET", "/v2/")
            assert connection.receive().body == DATA[:size]
            assert connection.receive().json == {}


def test_a_part_of_a_blob_is_that_part(repository: Repository) -> None:
    digest = repository.push_blob(DATA)
    start, stop = 3 * MIB + 11, 9 * MIB + 5
    answer = repository.ask("GET", f"/blobs/{digest}", range=f"bytes={start}-{stop - 1}")
    assert answer.status == 206
    assert answer.body == DATA[start:stop]


def test_what_the_disk_must_bring_leaves_as_well(registry: Lading, repository: Repository) -> None:
    """Nothing of it is in the page cache."""
    if not can_bypass(registry.root):
        pytest.skip("the file system here does not show what is cached")
    digest = repository.push_blob(DATA)
    descriptor = os.open(file_of(registry, digest), os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        assert not is_cached(descriptor, 6 * MIB)
    finally:
        os.close(descriptor)
    assert repository.ask("GET", f"/blobs/{digest}").body == DATA


def test_a_client_that_takes_little_at_a_time_gets_all(repository: Repository) -> None:
    digest = repository.push_blob(DATA)
    with slow_client(repository) as client:
        request = f"GET {repository.path}/blobs/{digest} HTTP/1.1\r\nHost: x\r\n"
        client.sendall(f"{request}Connection: close\r\n\r\n".encode())
        received = b"".join(iter(lambda: client.recv(100_000), b""))
    assert received.endswith(DATA)
    assert b"Content-Length: %d\r\n" % len(DATA) in received


@pytest.mark.parametrize("pipelined", range(3))
def test_a_client_that_leaves_takes_no_file_along(
    registry: Lading, repository: Repository, pipelined: int
) -> None:
    """Neither that of the blob nor that of its connection stays open."""
    digest = repository.push_blob(DATA)
    before = open_files(registry)
    with repository.client.connection() as connection:
        connection.request("GET", f"{repository.path}/blobs/{digest}")
        for _ in range(pipelined):
            connection.send(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: open_files(registry) > before + 1, "sending")
    wait_until(lambda: open_files(registry) <= before, "letting go")


@contextmanager
def slow_client(repository: Repository) -> Iterator[socket.socket]:
    """A client for which the kernel keeps little: the server feels how it takes things."""
    host, _, port = repository.client.host.rpartition(":")
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect((host, int(port)))
        yield client


def file_of(registry: Lading, digest: str) -> Path:
    algorithm, _, hex_ = digest.partition(":")
    return registry.root / f"docker/registry/v2/blobs/{algorithm}/{hex_[:2]}/{hex_}/data"


def open_files(registry: Lading) -> int:
    """How many blobs and connections the workers have open."""
    count = 0
    for child in children(registry.pid):
        for entry in Path(f"/proc/{child}/fd").iterdir():
            with suppress(FileNotFoundError):
                target = str(entry.readlink())
                count += target.endswith("/data") or target.startswith("socket:")
    return count


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()

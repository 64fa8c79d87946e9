"""Requests of one upload that come by a pool of connections, and so to any worker."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.cache import can_bypass
from tests.support.client import Connection
from tests.support.lading import Lading, lading_serve, workers_of
from tests.support.pushes import Repository, digest_of
from tests.support.temporary import on_disk
from tests.support.workers import one_connection_each

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def registry() -> Iterator[Lading]:
    """A registry of two workers, on a disk that shows what is read from it."""
    http = {"addr": "127.0.0.1:0", "workers": 2}
    with on_disk() as directory, lading_serve(directory, settings={"http": http}) as registry:
        if not can_bypass(registry.root):
            pytest.skip("the file system here has no way past the page cache")
        yield registry


@pytest.fixture
def connections(registry: Lading) -> Iterator[Sequence[Connection]]:
    with one_connection_each(registry.client) as connections:
        yield connections


def bytes_from_disk(registry: Lading) -> int:
    """What the workers have had read from the disk so far."""
    counters = [Path(f"/proc/{pid}/io").read_text().split() for pid in workers_of(registry)]
    return sum(int(each[each.index("read_bytes:") + 1]) for each in counters)


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@pytest.mark.parametrize("way", ["announced", "in chunks", "in many requests"])
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_no_byte_is_read_back(
    registry: Lading, connections: Sequence[Connection], way: str, algorithm: str
) -> None:
    """The worker that finishes an upload has seen nothing of it, or every second part."""
    data = os.urandom(8 * MIB + 7)
    repository = Repository(registry.client, "changing")
    before = bytes_from_disk(registry)
    connections[0].request("POST", f"/v2/changing/blobs/uploads/?digest-algorithm={algorithm}", b"")
    location = connections[0].receive().headers["Location"]
    parts = pieces(data, 3 * MIB - 1000) if way == "in many requests" else [data]
    for number, part in enumerate(parts, 1):
        body = pieces(part, 32 * 1024) if way == "in chunks" else part
        connections[number % 2].request("PATCH", location, body)
        assert connections[number % 2].receive().status == 202
    last = connections[(len(parts) + 1) % 2]
    last.request("PUT", f"{location}?digest={digest_of(data, algorithm)}")
    assert last.receive().status == 201

    assert bytes_from_disk(registry) - before < MIB
    assert repository.ask("GET", f"/blobs/{digest_of(data, algorithm)}").body == data

"""Bodies that take long: they bypass the parser, and nothing but that is different."""

import itertools
import os
import time
from collections.abc import Iterator

import pytest

from tests.support.cache import can_bypass, is_cached
from tests.support.client import Connection
from tests.support.lading import Lading, lading_serve
from tests.support.processes import wait_until
from tests.support.pushes import Repository, digest_of
from tests.support.temporary import on_disk

MIB = 1024 * 1024
# Around the sizes at which the way of a body changes: from the parser to buffers, from one buffer
# to the next.
SIZES = [256 * 1024 - 1, 256 * 1024, MIB - 1, MIB, MIB + 1, 5 * MIB + 7]


@pytest.fixture(scope="module")
def registry() -> Iterator[Lading]:
    with on_disk() as directory, lading_serve(directory) as registry:
        yield registry


@pytest.fixture
def repository(registry: Lading) -> Repository:
    return Repository(registry.client, "large")


@pytest.mark.parametrize("size", SIZES)
def test_a_body_arrives_as_it_was_sent_and_the_connection_goes_on(
    repository: Repository, size: int
) -> None:
    """In one piece with its head, with the next request on its heels."""
    data = os.urandom(size)
    location = repository.start_upload()
    with repository.client.connection() as connection:
        connection.request("PATCH", location, data)
        connection.request("PUT", f"{location}?digest={digest_of(data)}")
        assert [connection.receive().status for _ in range(2)] == [202, 201]
    assert repository.ask("GET", f"/blobs/{digest_of(data)}").body == data


def test_a_body_in_small_packets_arrives_as_well(repository: Repository) -> None:
    """However it is cut, and wherever the client pauses."""
    data = os.urandom(2 * MIB)
    location = repository.start_upload()
    with repository.client.connection() as connection:
        connection.request(
            "PUT", f"{location}?digest={digest_of(data)}", content_length=str(len(data))
        )
        cuts = [*range(0, len(data), 100_003), len(data)]
        for start, stop in itertools.pairwise(cuts):
            connection.send(data[start:stop])
            time.sleep(0.001)
        assert connection.receive().status == 201


def test_a_body_in_chunks_arrives_as_well(repository: Repository) -> None:
    """As Docker sends it, without saying how much it will be."""
    data = os.urandom(3 * MIB)
    location = repository.start_upload()
    with repository.client.connection() as connection:
        pieces = [data[start : start + 32_768] for start in range(0, len(data), 32_768)]
        connection.request("PATCH", location, pieces)
        connection.request("PUT", f"{location}?digest={digest_of(data)}")
        assert [connection.receive().status for _ in range(2)] == [202, 201]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_goes_to_the_disk_past_the_page_cache(
    registry: Lading, repository: Repository, *, chunked: bool
) -> None:
    """From its first byte on, though that comes with the head; all but an end that is no block."""
    if not can_bypass(registry.root):
        pytest.skip("the file system here has no way past the page cache")
    data = os.urandom(4 * MIB + 7)
    location = repository.start_upload()
    with repository.client.connection() as connection:
        connection.request("PATCH", location, [data] if chunked else data)
        connection.request("PUT", f"{location}?digest={digest_of(data)}")
        assert [connection.receive().status for _ in range(2)] == [202, 201]

    (stored,) = registry.root.rglob(f"{digest_of(data).removeprefix('sha256:')}/data")
    with stored.open("rb") as file:
        cached = [is_cached(file.fileno(), position) for position in range(0, len(data), MIB)]
    assert cached == [False] * 4 + [True]


def test_a_body_that_nobody_wants_is_passed_over(repository: Repository) -> None:
    """The answer does not wait for it, and the next request is read where it begins."""
    nobodys = "/v2/large/blobs/uploads/00000000-0000-4000-8000-000000000000"
    with repository.client.connection() as connection:
        connection.request("PATCH", nobodys, content_length=str(3 * MIB))
        assert connection.receive().status == 404
        connection.send(bytes(3 * MIB))
        assert base_status(connection) == 200


def test_a_client_that_waits_for_leave_to_send_gets_it(repository: Repository) -> None:
    """RFC 9110, 10.1.1; and not before the request is known to be good."""
    data = os.urandom(MIB)
    location = repository.start_upload()
    with repository.client.connection() as connection:
        connection.request("PATCH", location, content_length=str(len(data)), expect="100-continue")
        assert connection.receive().status == 100
        connection.send(data)
        assert connection.receive().status == 202


def test_what_came_of_a_body_is_kept_when_the_client_leaves(repository: Repository) -> None:
    """To the last byte that reached the server."""
    location = repository.start_upload()
    with repository.client.connection() as connection:
        connection.request("PATCH", location, content_length=str(5 * MIB))
        connection.send(bytes(3 * MIB + 5))
    wait_until(lambda: offset(repository, location) == f"0-{3 * MIB + 4}", "what was sent")


def offset(repository: Repository, location: str) -> str:
    headers = repository.client.ask("GET", location).headers
    return headers["Range"]


def base_status(connection: Connection) -> int:
    connection.request("GET", "/v2/")
    return connection.receive().status

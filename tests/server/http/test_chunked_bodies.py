"""Bodies in chunks, as Docker sends them: large chunks bypass the parser, and nobody can tell."""

import os
import random
import time
from collections.abc import Iterator, Sequence

import pytest

from lading.server.http.chunks import LARGE_CHUNK
from tests.support.client import Connection
from tests.support.lading import Lading, lading_serve
from tests.support.processes import wait_until
from tests.support.pushes import Repository, digest_of

MIB = 1024 * 1024
KIB = 1024
END = b"0\r\n\r\n"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lading]:
    with lading_serve(tmp_path_factory.mktemp("chunked")) as registry:
        yield registry


@pytest.fixture
def repository(registry: Lading) -> Repository:
    return Repository(registry.client, "chunked")


def framed(data: bytes, sizes: Sequence[int], extension: bytes = b"") -> bytes:
    """The data in chunks of these sizes, again and again; without an end."""
    chunks, position, turn = [], 0, 0
    while position < len(data):
        chunk = data[position : position + sizes[turn % len(sizes)]]
        chunks.append(b"%X%b\r\n%b\r\n" % (len(chunk), extension, chunk))
        position, turn = position + len(chunk), turn + 1
    return b"".join(chunks)


def send_head(connection: Connection, method: str, target: str, expect: str = "") -> None:
    expected = {"expect": expect} if expect else {}
    connection.request(method, target, b"", transfer_encoding="chunked", **expected)


def send_slowly(connection: Connection, sent: bytes, rng: random.Random) -> None:
    """In packets of many sizes, which are cut anywhere."""
    position = 0
    while position < len(sent):
        size = rng.choice([1, 2, 7, 4093, 32 * KIB + 3, 200_001, MIB])
        connection.send(sent[position : position + size])
        position += size
        time.sleep(0.001)


@pytest.mark.parametrize(
    "sizes",
    [
        [32 * KIB],
        [LARGE_CHUNK],
        [LARGE_CHUNK - 1],
        [3 * MIB],
        [MIB],
        [MIB - 8, 8],
        [32 * KIB, 1, 32 * KIB],
        [700, 16 * KIB, 16 * KIB, 2],
        [1, 100_000],
        [16 * KIB, 5000, 300_000, 4096],
    ],
    ids=str,
)
@pytest.mark.parametrize("size", [LARGE_CHUNK, MIB, MIB + 1, 3 * MIB + 12_345])
@pytest.mark.parametrize("way", ["at once", "slowly"])
def test_a_body_arrives_as_it_was_sent_and_the_connection_goes_on(
    repository: Repository, sizes: Sequence[int], size: int, way: str
) -> None:
    """However it is cut into chunks, and those into packets, with the next request on its heels."""
    data = os.urandom(size)
    location = repository.start_upload()
    sent = framed(data, sizes) + END
    with repository.client.connection() as connection:
        if way == "at once":
            head = f"PATCH {location} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            connection.send(head.encode() + sent)
        else:
            send_head(connection, "PATCH", location)
            send_slowly(connection, sent, random.Random(size))
        connection.request("PUT", f"{location}?digest={digest_of(data)}")
        assert [connection.receive().status for _ in range(2)] == [202, 201]
    assert repository.ask("GET", f"/blobs/{digest_of(data)}").body == data


@pytest.mark.parametrize("sizes", [[32 * KIB], [500, 32 * KIB]], ids=str)
@pytest.mark.parametrize("before", [0, 1, 3])
@pytest.mark.parametrize("rest", ["extension", "trailers", "zeros before the size"])
def test_what_is_unusual_is_understood_as_ever(
    repository: Repository, sizes: Sequence[int], before: int, rest: str
) -> None:
    """From the first chunk on, or behind some usual ones."""
    usual, unusual = os.urandom(before * 400_000), os.urandom(70_000)
    sent = framed(usual, sizes)
    if rest == "extension":
        sent += framed(unusual, sizes, b";name=value") + END
    elif rest == "trailers":
        sent += framed(unusual, sizes) + b"0\r\nX-Sum: 1\r\n\r\n"
    else:
        sent += b"0000000000011170\r\n" + unusual + b"\r\n" + END
    location = repository.start_upload()
    with repository.client.connection() as connection:
        send_head(connection, "PUT", f"{location}?digest={digest_of(usual + unusual)}")
        connection.send(sent)
        assert connection.receive().status == 201
        connection.request("GET", "/v2/")
        assert connection.receive().status == 200


@pytest.mark.parametrize(
    "wrong",
    [
        b"xyz\r\n",
        b"-1\r\n",
        b"0x10\r\n",
        b"8000\n",
        b" 8000\r\n",
        b"\r\n8000\r\n",
        b"\0\0\0\0\0\0\0\0\0\0\0\0",
        b"ffffffffffffffffff\r\n",
        b"8000;" + b"e" * 20_000,
    ],
    ids=str,
)
@pytest.mark.parametrize("before", [0, 40_000, 2_000_000])
def test_what_is_no_chunk_is_refused(repository: Repository, before: int, wrong: bytes) -> None:
    """As it is at the beginning of a body; what was good of it may be kept, and nothing else is."""
    location = repository.start_upload()
    with repository.client.connection() as connection:
        send_head(connection, "PATCH", location)
        connection.send(framed(bytes(before), [32 * KIB]))
        time.sleep(0.05)
        connection.send(wrong + bytes(16))
        assert connection.receive().status in {400, 431}
        assert connection.rest() == b""
    headers = repository.client.ask("GET", location).headers
    assert int(headers["Range"].partition("-")[2]) <= before


@pytest.mark.parametrize("size", [1, 32 * KIB])
@pytest.mark.parametrize("wrong", [b"xx", b"\r", b"\n\r\n", b"0\r\n\r\n"], ids=str)
def test_a_chunk_that_goes_on_beyond_its_size_is_refused(
    repository: Repository, wrong: bytes, size: int
) -> None:
    """Two readers could understand it in two ways."""
    location = repository.start_upload()
    with repository.client.connection() as connection:
        send_head(connection, "PATCH", location)
        connection.send(framed(bytes(size), [size])[:-2] + wrong + b"8000\r\n" + bytes(100))
        assert connection.receive().status == 400
        assert connection.rest() == b""


@pytest.mark.parametrize("with_head", [True, False])
def test_a_body_that_nobody_wants_is_passed_over(
    repository: Repository, *, with_head: bool
) -> None:
    """The answer does not wait for it, and the next request is read where it begins."""
    nobodys = "/v2/chunked/blobs/uploads/00000000-0000-4000-8000-000000000000"
    body = framed(bytes(3 * MIB), [32 * KIB, 5, 100_000]) + END
    with repository.client.connection() as connection:
        send_head(connection, "PATCH", nobodys)
        if with_head:
            connection.send(body[:100_000])
        assert connection.receive().status == 404
        connection.send(body[100_000:] if with_head else body)
        connection.request("GET", "/v2/")
        assert connection.receive().status == 200


def test_a_body_that_is_too_large_is_passed_over_from_where_that_shows(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """In the middle of a chunk: it is refused, and what still comes is not kept."""
    settings = {"limits": {"blobsize": MIB}}
    with lading_serve(tmp_path_factory.mktemp("small"), settings=settings) as registry:
        repository = Repository(registry.client, "small")
        location = repository.start_upload()
        body = framed(bytes(8 * MIB), [300_000]) + END
        with repository.client.connection() as connection:
            send_head(connection, "PATCH", location)
            connection.send(body[: 4 * MIB])
            assert connection.receive().status == 413
            connection.send(body[4 * MIB :])
            connection.request("GET", "/v2/")
            assert connection.receive().status == 200


def test_a_client_that_waits_for_leave_to_send_gets_it(repository: Repository) -> None:
    """RFC 9110, 10.1.1; then nothing of the body comes with its head."""
    data = os.urandom(2 * MIB)
    location = repository.start_upload()
    with repository.client.connection() as connection:
        send_head(connection, "PUT", f"{location}?digest={digest_of(data)}", expect="100-continue")
        assert connection.receive().status == 100
        connection.send(framed(data, [32 * KIB]) + END)
        assert connection.receive().status == 201


@pytest.mark.parametrize("size", [100_000, MIB, MIB + 100, 3 * MIB + 5])
@pytest.mark.parametrize("leave", ["close", "end"])
def test_what_came_of_a_body_is_kept_when_the_client_leaves(
    repository: Repository, size: int, leave: str
) -> None:
    """To the last byte that reached the server, once."""
    location = repository.start_upload()
    with repository.client.connection() as connection:
        send_head(connection, "PATCH", location)
        connection.send(framed(bytes(size), [32 * KIB])[:-1])
        if leave == "end":
            connection.end()
        else:
            connection.close()

        def offset() -> str | None:
            return repository.client.ask("GET", location).headers["Range"]

        wait_until(lambda: offset() == f"0-{size - 1}", "what was sent")

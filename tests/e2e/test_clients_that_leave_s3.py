"""Clients that leave a registry on an object store in the middle of what they ask for."""

import asyncio
import os
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lading.blobs.s3.object_store import ObjectStore
from lading.blobs.s3.staged_objects import LEASE
from tests.support.lading import Lading, lading_serve
from tests.support.processes import wait_until
from tests.support.pushes import Repository, digest_of
from tests.support.s3 import S3, unfinished

pytestmark = pytest.mark.e2e

MIB = 1024 * 1024
# One is put as a whole; the other is sent on in parts while it comes.
SIZES = [3 * MIB, 20 * MIB]
# One closes its connection, the other is gone. Memory for large uploads is there for one at a time.
CLIENTS = 2
PIECE = 64 * 1024
WHERE = {"before its bytes": 0.0, "within": 0.5, "before the last byte": 1.0, "after it": 1.0}


@pytest.fixture(scope="module")
def s3(s3_server: S3) -> S3:
    """A bucket for all of these tests."""
    return s3_server.fresh()


@pytest.fixture(scope="module")
def registry(s3: S3, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lading]:
    """A registry with one worker, through which all bytes go; nothing fails in it."""
    directory = tmp_path_factory.mktemp("registry")
    storage = {
        "s3": {**s3.settings, "localdirectory": str(directory / "data")},
        "redirect": {"disable": True},
        "delete": {"enabled": True},
    }
    settings = {"http": {"addr": "127.0.0.1:0", "workers": 1}, "storage": storage}
    with lading_serve(directory, settings=settings) as registry:
        assert registry.client.ask("GET", "/v2/").status == 200
        yield registry
        said = registry.log.read_text()
        assert "Traceback" not in said, said
        assert '" 500 ' not in said, said
        left = asyncio.run(unfinished(ObjectStore(s3.bucket), time.time() + 60))
        assert left == []


@pytest.fixture
def repository(registry: Lading) -> Repository:
    return Repository(registry.client, "team/app")


def leave(repository: Repository, line: str, data: bytes, where: str, *, chunked: bool) -> None:
    """Send a request as far as that, and reset the connection or close it."""
    name, _, port = repository.client.host.rpartition(":")
    sent = len(data) - (where == "before the last byte") if WHERE[where] == 1 else None
    sent = int(len(data) * WHERE[where]) if sent is None else sent
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(data)}"
    with socket.create_connection((name, int(port)), timeout=60) as client:
        if len(data) % 2:  # a reset, as of a machine that is switched off
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.sendall(f"{line} HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n".encode())
        for start in range(0, sent, PIECE):
            piece = data[start : min(start + PIECE, sent)]
            client.sendall(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        if where == "after it" and chunked:
            client.sendall(b"0\r\n\r\n")
        time.sleep(0.1)


def go_on(repository: Repository, location: str, data: bytes) -> None:
    """Finish an upload from where it is, as soon as the request that was left lets go of it."""

    def finish() -> bool:
        status = repository.client.ask("GET", location)
        there, headers = len(data), {}  # if it was committed after all, which asking again tells
        if status.status == 204:
            last = int(status.headers["Range"].removeprefix("0-"))
            there = last + 1 if last else 0
        if there < len(data):  # what that request has stored meanwhile is not to be stored again
            headers = {"content_range": f"{there}-{len(data) - 1}"}
        target = f"{location}?digest={digest_of(data)}"
        answer = repository.client.ask("PUT", target, data[there:], **headers)
        assert answer.status in {201, 416}, answer
        return answer.status == 201

    wait_until(finish, "the upload to be free")
    assert repository.ask("GET", f"/blobs/{digest_of(data)}").body == data


@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize("size", SIZES)
def test_an_upload_goes_on_after_its_client_has_left(
    registry: Lading,
    s3: S3,
    repository: Repository,
    size: int,
    method: str,
    where: str,
    chunked: bool,
) -> None:
    """It is let go of at once, whatever was sent; and the memory for it is given back.

    A machine that is slow for a moment is so for one of the clients; a lease runs out for all.
    """
    waits = []
    for number in range(CLIENTS):
        data = os.urandom(size + number)
        location = repository.start_upload()
        query = f"?digest={digest_of(data)}" if method == "PUT" else ""
        leave(repository, f"{method} {location}{query}", data, where, chunked=chunked)
        began = time.monotonic()
        go_on(repository, location, data)
        waits.append(time.monotonic() - began)
    assert min(waits) < LEASE
    require_room(s3, repository)


@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("size", SIZES)
def test_a_push_in_one_request_is_made_again_after_its_client_has_left(
    registry: Lading, s3: S3, repository: Repository, size: int, where: str, chunked: bool
) -> None:
    for number in range(CLIENTS):
        data = os.urandom(size + number)
        line = f"POST {repository.path}/blobs/uploads/?digest={digest_of(data)}"
        leave(repository, line, data, where, chunked=chunked)
        assert repository.push_blob(data) == digest_of(data)
    require_room(s3, repository)


@pytest.mark.parametrize("size", SIZES)
def test_a_pull_whose_client_leaves_leaves_nothing_open(
    registry: Lading, repository: Repository, size: int
) -> None:
    data = os.urandom(size)
    digest = repository.push_blob(data)
    open_before = 0
    for number in range(30):
        with repository.client.connection() as connection:
            connection.request("GET", f"{repository.path}/blobs/{digest}")
            if number % 3:
                connection.wait()
            if number % 3 == 2:
                connection.receive(head=True)
        if number == 3:
            open_before = open_files(registry)
    assert repository.ask("GET", f"/blobs/{digest}").body == data
    wait_until(lambda: open_files(registry) <= open_before + 3, "files to be closed")


def require_room(s3: S3, repository: Repository) -> None:
    """Memory is there again: what needs much of it waits in no file, and is sent on in parts."""
    s3.proxy.reset()
    repository.push_blob(os.urandom(20 * MIB))
    assert "PART" in s3.proxy.requests, s3.proxy.requests


def open_files(registry: Lading) -> int:
    """Files that all processes of a registry have open."""
    children = Path(f"/proc/{registry.pid}/task/{registry.pid}/children").read_text().split()
    return sum(len([*Path(f"/proc/{pid}/fd").iterdir()]) for pid in [registry.pid, *children])

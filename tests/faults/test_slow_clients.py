"""Hundreds of clients that stand still or trickle: memory stays flat, and others are served."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.lading import Lading, lading_serve
from tests.support.memory import memory_of_workers, workers_rest
from tests.support.pushes import Repository, digest_of, encode, image

pytestmark = pytest.mark.e2e

CLIENTS = 200
MIB = 1024 * 1024
LAYER = os.urandom(32 * MIB)
# As large as a manifest may be, and how many clients are in the middle of one.
MANIFEST = encode(image(annotations={"padding": "x" * (4 * MIB - 1024)}))
MANIFESTS = 300
# Of each upload.
ANNOUNCED = 10 * MIB
# MiB that a worker may take, and by which it may grow while nothing happens.
MOST = 130
GROWTH = 4
# Looks at workers at rest, one after the other, that have to show the same.
SAME = 6


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Lading]:
    """A registry that does not mind many uploads from one address."""
    env = {"REGISTRY_LIMITS_UPLOADS": "0"}
    with lading_serve(tmp_path, env=env) as registry:
        Repository(registry.client, "hello").push_image("latest", LAYER)
        yield registry


def connect(registry: Lading) -> socket.socket:
    host, _, port = registry.host.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=30)


def assert_others_are_served(registry: Lading, number: int) -> None:
    hello = Repository(registry.client, "hello")
    began = time.monotonic()
    assert hello.ask("GET", "/manifests/latest").body == encode(image(LAYER))
    assert hello.ask("GET", f"/blobs/{digest_of(b'{}')}").body == b"{}"
    hello.push_image(f"other{number}", b"%d" % number)
    assert time.monotonic() - began < 10


def settled(registry: Lading) -> list[float]:
    """The memory of the workers, once all clients are where they stay; that may take a while."""
    deadline = time.monotonic() + 60
    looks: list[list[float]] = []
    while time.monotonic() < deadline:
        # The memory of those who want a processor and get none stands still, too.
        looks = [*looks, memory_of_workers(registry)] if workers_rest(registry) else []
        stands = all(max(each) - min(each) < 1 for each in zip(*looks[-SAME:], strict=True))
        if stands and len(looks) >= SAME:
            break
        time.sleep(0.5)
    return memory_of_workers(registry)


def assert_memory_stays(registry: Lading) -> None:
    before = settled(registry)
    for number in range(5):
        assert_others_are_served(registry, number)
        time.sleep(2)
    after = memory_of_workers(registry)
    print(f"MiB per worker: {before}, later {after}")
    assert len(before) == len(after) == 2
    assert max(after) < MOST
    assert all(now - then < GROWTH for then, now in zip(before, after, strict=True))


def test_clients_that_take_nothing(registry: Lading) -> None:
    with ExitStack() as clients:
        for _ in range(CLIENTS):
            client = clients.enter_context(connect(registry))
            client.sendall(
                f"GET /v2/hello/blobs/{digest_of(LAYER)} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
            )
            assert client.recv(12) == b"HTTP/1.1 200"
        assert_memory_stays(registry)


@pytest.mark.parametrize("begun", [300 * 1024, 7 * MIB // 2])
@pytest.mark.parametrize("announced", [True, False])
def test_clients_that_send_a_byte_now_and_then(
    registry: Lading, announced: bool, begun: int
) -> None:
    """Soon after they began, or when they have filled all the buffers that one of them can have."""
    hello = Repository(registry.client, "hello")
    with ExitStack() as stack:
        clients = []
        for _ in range(CLIENTS):
            location = hello.start_upload()
            client = stack.enter_context(connect(registry))
            framing = f"Content-Length: {ANNOUNCED}" if announced else "Transfer-Encoding: chunked"
            client.sendall(f"PATCH {location} HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n".encode())
            client.sendall(bytes(begun) if announced else b"%x\r\n%b\r\n" % (begun, bytes(begun)))
            clients.append(client)
        for client in clients:
            client.sendall(b"x" if announced else b"1\r\nx\r\n")
        assert_memory_stays(registry)
        for client in clients:
            client.sendall(b"x" if announced else b"1\r\nx\r\n")


def test_manifests_that_are_never_complete(registry: Lading) -> None:
    with ExitStack() as stack:
        for number in range(MANIFESTS):
            client = stack.enter_context(connect(registry))
            head = f"PUT /v2/hello/manifests/m{number} HTTP/1.1\r\nHost: x\r\n"
            client.sendall(f"{head}Content-Length: {len(MANIFEST)}\r\n\r\n".encode())
            client.sendall(MANIFEST[:-100])
        assert_memory_stays(registry)


def test_manifests_that_nobody_takes(registry: Lading) -> None:
    """Two for each client."""
    assert Repository(registry.client, "hello").put_manifest(MANIFEST, "large").status == 201
    with ExitStack() as stack:
        for _ in range(MANIFESTS):
            client = stack.enter_context(connect(registry))
            client.sendall(b"GET /v2/hello/manifests/large HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
        assert_memory_stays(registry)

"""More connections than a worker has files for: those that do nothing leave, the others stay."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from lading.server.http.deadlines import STANDING
from tests.support.client import Connection
from tests.support.lading import Lading, lading_serve, started_workers
from tests.support.processes import wait_until
from tests.support.pushes import Repository, digest_of

FILES = 256
IDLE = 700
LAYER = bytes(range(256)) * 8192


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Lading]:
    """A registry of two workers that may have few files open."""
    with lading_serve(tmp_path, files=FILES) as registry:
        Repository(registry.client, "room").push_image("v1", LAYER)
        yield registry


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n", id="half a head"),
        pytest.param(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n", id="one request"),
    ],
)
def test_idle_connections_take_nothing_from_those_who_work(registry: Lading, said: bytes) -> None:
    """Neither from whoever is there before them, nor from those who come."""
    with ExitStack() as stack:
        worker = stack.enter_context(registry.client.connection())
        for _ in range(IDLE):
            idle = stack.enter_context(registry.client.connection())
            if said:
                idle.send(said)
            worker.request("GET", f"/v2/room/blobs/{digest_of(LAYER)}")
            assert worker.receive().body == LAYER
        slowest = 0.0
        for number in range(50):
            began = time.monotonic()
            Repository(registry.client, "room").push_image(f"new{number}", LAYER)
            slowest = max(slowest, time.monotonic() - began)
        assert slowest < STANDING  # none had to wait until another one counted as standing still
    assert "no connection can be accepted" not in registry.log.read_text()
    assert "Too many open files" not in registry.log.read_text()


HEAD = b" HTTP/1.1\r\nHost: x\r\n"
SLOW = [
    pytest.param(
        b"PUT /v2/room/manifests/v2" + HEAD + b"Content-Length: 100000\r\n\r\n",
        id="body",
    ),
    pytest.param(
        b"POST /v2/room/blobs/uploads/" + HEAD + b"Transfer-Encoding: chunked\r\n\r\nfff\r\n",
        id="chunk",
    ),
]


@pytest.mark.parametrize("said", SLOW)
def test_a_byte_now_and_then_keeps_nobody_out(registry: Lading, said: bytes) -> None:
    """A few more than there is place for send one every few seconds, and would for hours."""
    with ExitStack() as stack:
        slow = [stack.enter_context(registry.client.connection()) for _ in range(140)]
        for connection in slow:
            connection.send(said)

        def send_a_byte_each() -> None:
            for connection in slow:
                with suppress(OSError):
                    connection.send(b"a")

        with meanwhile(send_a_byte_each):
            assert_answers(stack.enter_context(registry.client.connection()))


@pytest.mark.parametrize("last", ["", "Connection: close\r\n"], ids=["kept", "closing"])
def test_who_takes_little_now_and_then_keeps_nobody_out(registry: Lading, last: str) -> None:
    """Be it the last answer of its connection or not."""
    head = f"GET /v2/room/blobs/{digest_of(LAYER)} HTTP/1.1\r\nHost: x\r\n{last}\r\n"
    with ExitStack() as stack:
        slow = [stack.enter_context(taking_little(registry)) for _ in range(140)]
        for taker in slow:
            taker.sendall(head.encode())

        def take_little_each() -> None:
            for taker in slow:
                with suppress(OSError):
                    taker.recv(400, socket.MSG_DONTWAIT)

        with meanwhile(take_little_each):
            assert_answers(stack.enter_context(registry.client.connection()))


@contextmanager
def meanwhile(do: Callable[[], None]) -> Iterator[None]:
    """Do something every second during the block, in which somebody comes and is waited for."""
    is_over = threading.Event()

    def work() -> None:
        do()
        while not is_over.wait(1):
            do()

    with ThreadPoolExecutor(1) as pool:
        doing = pool.submit(work)
        try:
            yield
        finally:
            is_over.set()
    doing.result()


def taking_little(registry: Lading) -> socket.socket:
    """A connection whose client has hardly any room for what comes."""
    host, _, port = registry.host.rpartition(":")
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    client.connect((host, int(port)))
    return client


def test_those_who_have_been_idle_for_longest_leave_first(registry: Lading) -> None:
    with ExitStack() as stack:
        idle = [stack.enter_context(registry.client.connection()) for _ in range(IDLE)]
        for connection in idle[-20:]:
            assert_answers(connection)
        assert idle[0].rest() == b""


def test_who_works_is_not_closed_for_another(registry: Lading) -> None:
    """As many as a worker serves are in the middle of a push; the others wait for them."""
    repository = Repository(registry.client, "room")
    with ExitStack() as stack:
        pushes = [stack.enter_context(registry.client.connection()) for _ in range(100)]
        for connection in pushes:
            location = repository.start_upload()
            connection.request(
                "PUT", f"{location}?digest={digest_of(LAYER)}", content_length=str(len(LAYER))
            )
            connection.send(LAYER[:-1])
        for _ in range(IDLE):
            stack.enter_context(registry.client.connection())
        for connection in pushes:
            connection.send(LAYER[-1:])
            assert connection.receive().status == 201


def test_the_limit_of_open_files_is_raised_as_far_as_it_may_be(tmp_path: Path) -> None:
    with lading_serve(tmp_path) as registry:
        for pid in started_workers(registry):
            soft, hard = limits_of(pid)
            assert soft == min(hard, 1024 * 1024)


def test_few_files_are_told_in_the_log(registry: Lading) -> None:
    assert registry.has_said(f"may have {FILES} files open")


def test_an_address_may_be_given_so_many_connections(tmp_path: Path) -> None:
    """One more is told so; and is let in when another has left."""
    env = {"REGISTRY_LIMITS_CONNECTIONS": "3", "REGISTRY_HTTP_WORKERS": "1"}
    with lading_serve(tmp_path, env=env) as registry, ExitStack() as stack:
        first, *_ = [stack.enter_context(registry.client.connection()) for _ in range(3)]
        assert_answers(first)
        refused = registry.client.ask("GET", "/v2/")
        assert refused.status == 429
        assert refused.codes == ["TOOMANYREQUESTS"]
        assert_answers(first)
        first.close()
        wait_until(lambda: registry.client.ask("GET", "/v2/").status == 200, "a place")


def test_proxies_may_have_any_number_of_connections(tmp_path: Path) -> None:
    env = {"REGISTRY_LIMITS_CONNECTIONS": "2", "REGISTRY_HTTP_TRUSTEDPROXIES": "[127.0.0.1]"}
    with lading_serve(tmp_path, env=env) as registry, ExitStack() as stack:
        for _ in range(20):
            assert_answers(stack.enter_context(registry.client.connection()))


def assert_answers(connection: Connection) -> None:
    connection.request("GET", "/v2/")
    assert connection.receive().status == 200


def limits_of(pid: int) -> tuple[int, int]:
    (line,) = [
        line
        for line in Path(f"/proc/{pid}/limits").read_text().splitlines()
        if line.startswith("Max open files")
    ]
    soft, hard = line.split()[3:5]
    return int(soft), int(hard)

"""What a server that is told to stop does with the requests it has."""

import hashlib
import http.client
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from tests.support.lading import Lading, lading_serve, workers_of
from tests.support.processes import wait_until

PIECES = 20
PIECE = 64 * 1024
# Seconds between two pieces: the request takes PIECES times as long.
PAUSE = 0.05


@dataclass
class Load:
    """What clients did, and when they began it."""

    port: int
    stopped: threading.Event = field(default_factory=threading.Event)
    done: list[float] = field(default_factory=list)
    failed: list[tuple[float, str]] = field(default_factory=list)
    pushed: list[str] = field(default_factory=list)

    def note(self, request: Callable[[Callable[[], None]], None]) -> bool:
        """Have a request made, and note how it ends; whether it was answered.

        It says when its head has been sent: only then it has begun, however long the machine takes
        to come to that.
        """
        began = math.inf

        def begin() -> None:
            nonlocal began
            began = time.monotonic()

        try:
            request(begin)
        except (OSError, http.client.HTTPException, AssertionError) as error:
            self.failed.append((began, repr(error)))
            return False
        self.done.append(began)
        return True

    def repeat(self, request: Callable[[Callable[[], None]], None]) -> None:
        """Do the same again and again."""
        while not self.stopped.is_set():
            if not self.note(request):
                time.sleep(PAUSE)

    def push(self, begin: Callable[[], None]) -> None:
        """Push a blob in one request whose body takes its time."""
        pieces = [os.urandom(PIECE) for _ in range(PIECES)]
        digest = hashlib.sha256(b"".join(pieces)).hexdigest()

        def body() -> Iterator[bytes]:
            begin()
            for piece in pieces:
                yield piece
                time.sleep(PAUSE)

        headers = {"Content-Length": str(PIECE * PIECES)}
        with connected(self.port) as connection:
            connection.request(
                "POST", f"/v2/load/blobs/uploads/?digest=sha256:{digest}", body(), headers
            )
            response = connection.getresponse()
            assert response.status == 201, response.read()
        self.pushed.append(digest)

    def pull(self, digest: str, begin: Callable[[], None]) -> None:
        """Pull a blob, and take time for it."""
        received = hashlib.sha256()
        with connected(self.port) as connection:
            connection.request("GET", f"/v2/load/blobs/sha256:{digest}")
            begin()
            response = connection.getresponse()
            assert response.status == 200
            while data := response.read(PIECE * 8):
                received.update(data)
                time.sleep(PAUSE)
        assert received.hexdigest() == digest

    def ask_on_one_connection(self) -> None:
        """Ask for something small, many times on the same connection."""
        with connected(self.port) as connection:

            def ask(begin: Callable[[], None]) -> None:
                connection.request("GET", "/v2/")
                begin()
                assert connection.getresponse().read() == b"{}"

            while not self.stopped.is_set() and self.note(ask):
                time.sleep(PAUSE / 5)


@pytest.mark.e2e
@pytest.mark.parametrize("workers", [1, 2])
def test_every_request_that_began_before_sigterm_is_finished(tmp_path: Path, workers: int) -> None:
    with lading_serve(tmp_path, env={"REGISTRY_HTTP_WORKERS": str(workers)}) as registry:
        load = Load(port_of(registry))
        big = push_once(load.port, os.urandom(PIECE * 256))
        with ThreadPoolExecutor(30) as clients:
            for _ in range(10):
                clients.submit(load.repeat, load.push)
                clients.submit(load.repeat, partial(load.pull, big))
                clients.submit(load.ask_on_one_connection)
            wait_until(lambda: len(load.pushed) >= 20, "some pushes")
            told = time.monotonic()
            os.kill(registry.pid, signal.SIGTERM)
            wait_until(lambda: has_ended(registry), "the end of the server", seconds=30)
            load.stopped.set()

    assert [why for began, why in load.failed if began < told] == []
    pushes_under_way = [began for began in load.done if told - PIECES * PAUSE < began < told]
    assert len(pushes_under_way) >= 10
    assert len(load.pushed) >= 20
    for digest in load.pushed:
        stored = registry.root / f"docker/registry/v2/blobs/sha256/{digest[:2]}/{digest}/data"
        assert hashlib.sha256(stored.read_bytes()).hexdigest() == digest


def test_requests_that_were_sent_but_not_yet_read_are_answered(tmp_path: Path) -> None:
    with (
        lading_serve(tmp_path, env={"REGISTRY_HTTP_WORKERS": "1"}) as registry,
        connected(port_of(registry)) as known,
        connected(port_of(registry)) as new,
    ):
        known.request("GET", "/v2/")
        assert known.getresponse().read() == b"{}"
        os.kill(registry.pid, signal.SIGSTOP)
        known.request("GET", "/v2/")
        new.request("GET", "/v2/")
        os.kill(registry.pid, signal.SIGTERM)
        os.kill(registry.pid, signal.SIGCONT)
        assert known.getresponse().read() == b"{}"
        assert new.getresponse().read() == b"{}"


def test_a_stopping_server_closes_each_connection_after_its_response(tmp_path: Path) -> None:
    with lading_serve(tmp_path) as registry, connected(port_of(registry)) as connection:
        connection.request("GET", "/v2/")
        assert connection.getresponse().read() == b"{}"
        os.kill(registry.pid, signal.SIGTERM)
        # Whatever it answers until it knows that it is to stop is the last answer but one.
        is_open = True
        while is_open:
            connection.request("GET", "/v2/")
            response = connection.getresponse()
            assert response.read() == b"{}"
            is_open = response.headers["connection"] != "close"


def test_a_stopped_server_refuses_connections_while_it_finishes(tmp_path: Path) -> None:
    with lading_serve(tmp_path) as registry, connected(port_of(registry)) as pushing:
        start_push(pushing)
        os.kill(registry.pid, signal.SIGTERM)
        wait_until(lambda: refuses(registry), "refusing")
        pushing.send(b"x" * PIECE)
        assert pushing.getresponse().status == 201


@pytest.mark.parametrize("workers", [1, 2])
def test_a_request_that_never_ends_is_cut_off_after_the_drain_timeout(
    tmp_path: Path, workers: int
) -> None:
    env = {"REGISTRY_HTTP_DRAINTIMEOUT": "1s", "REGISTRY_HTTP_WORKERS": str(workers)}
    with lading_serve(tmp_path, env=env) as registry, connected(port_of(registry)) as pushing:
        start_push(pushing)
        told = time.monotonic()
        os.kill(registry.pid, signal.SIGTERM)
        wait_until(lambda: has_ended(registry), "the end of the server")
        assert time.monotonic() - told > 1
    assert not list((tmp_path / "data" / "lading" / "uploads").glob("*/*"))


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_the_server_at_once(
    tmp_path: Path, workers: int, stop: signal.Signals
) -> None:
    env = {"REGISTRY_HTTP_WORKERS": str(workers)}
    with lading_serve(tmp_path, env=env) as registry, connected(port_of(registry)) as pushing:
        start_push(pushing)
        os.kill(registry.pid, stop)
        wait_until(lambda: refuses(registry), "refusing")
        told = time.monotonic()
        os.kill(registry.pid, stop)
        wait_until(lambda: has_ended(registry), "the end of the server")
        assert time.monotonic() - told < 15  # half the time that requests have to finish


def test_a_signal_to_all_processes_of_a_server_is_one_request_to_stop(tmp_path: Path) -> None:
    """As systemd sends it unless it is told otherwise: a worker then hears of it twice."""
    env = {"REGISTRY_HTTP_WORKERS": "2"}
    with lading_serve(tmp_path, env=env) as registry, connected(port_of(registry)) as pushing:
        start_push(pushing)
        for process in workers_of(registry):
            os.kill(process, signal.SIGTERM)
        time.sleep(0.3)  # else both signals are one to who has not looked meanwhile
        os.kill(registry.pid, signal.SIGTERM)
        wait_until(lambda: refuses(registry), "refusing")
        time.sleep(1)  # in which a worker in a hurry would cut the push off
        pushing.send(b"x" * PIECE)
        assert pushing.getresponse().status == 201


def connected(port: int) -> closing[http.client.HTTPConnection]:
    """A connection for the length of a block."""
    return closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60))


def port_of(registry: Lading) -> int:
    return int(registry.host.rpartition(":")[2])


def start_push(connection: http.client.HTTPConnection) -> None:
    """Send the head of a push, and not yet its body, to a server that is there."""
    connection.request("GET", "/v2/")
    connection.getresponse().read()
    digest = hashlib.sha256(b"x" * PIECE).hexdigest()
    connection.putrequest("POST", f"/v2/load/blobs/uploads/?digest=sha256:{digest}")
    connection.putheader("Content-Length", str(PIECE))
    connection.endheaders()
    time.sleep(0.2)


def push_once(port: int, data: bytes) -> str:
    digest = hashlib.sha256(data).hexdigest()
    with connected(port) as connection:
        connection.request("POST", f"/v2/load/blobs/uploads/?digest=sha256:{digest}", data)
        assert connection.getresponse().status == 201
    return digest


def has_ended(registry: Lading) -> bool:
    """Whether the process is over; its parent, this one, has not asked for its status yet."""
    state = Path(f"/proc/{registry.pid}/stat").read_text().rpartition(") ")[2][0]
    return state == "Z"


def refuses(registry: Lading) -> bool:
    try:
        with connected(port_of(registry)) as connection:
            connection.connect()
    except ConnectionRefusedError:
        return True
    return False

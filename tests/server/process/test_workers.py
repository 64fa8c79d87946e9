"""Worker processes come and go; the registry stays."""

import os
import signal
import time
from pathlib import Path

import pytest

from lading.edge.asgi import Receive, Scope, Send
from lading.server.http.connections import Connections
from lading.server.http.deadlines import timeouts
from lading.server.process.acceptor import Loads
from lading.server.process.worker import Worker
from tests.support.lading import lading_serve, started_workers, workers_of
from tests.support.processes import wait_until


def test_a_worker_that_is_killed_is_replaced_at_once(tmp_path: Path) -> None:
    with lading_serve(tmp_path) as registry:
        first, second = started_workers(registry)
        os.kill(first, signal.SIGKILL)
        killed = time.monotonic()
        wait_until(lambda: len(workers_of(registry) - {first}) == 2, "a new worker")
        assert time.monotonic() - killed < 10
        assert second in workers_of(registry)
    assert f"worker {first} ended with status -9" in log_of(tmp_path)


@pytest.mark.e2e
def test_a_worker_that_stands_still_for_long_is_not_killed(tmp_path: Path) -> None:
    """As one does that waits for a slow disk, or on a machine that is short of everything."""
    with lading_serve(tmp_path) as registry:
        before = started_workers(registry)
        for worker in before:
            os.kill(worker, signal.SIGSTOP)
        time.sleep(7)
        for worker in before:
            os.kill(worker, signal.SIGCONT)
        assert registry.client.ask("GET", "/v2/").status == 200
        assert workers_of(registry) == before


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    with lading_serve(tmp_path) as registry:
        workers = started_workers(registry)
        os.kill(registry.pid, signal.SIGKILL)
        wait_until(lambda: not any(map(is_running, workers)), "the end of the workers")


def test_a_server_whose_workers_cannot_start_says_so_and_ends(tmp_path: Path) -> None:
    with lading_serve(tmp_path) as registry:
        workers = started_workers(registry)
        database = registry.root / "lading" / "metadata.sqlite3"
        database.rename(tmp_path / "elsewhere")
        database.mkdir()
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        wait_until(lambda: not is_running(registry.pid), "the end of the server")
    assert "no worker process could start" in log_of(tmp_path)


def test_what_cannot_be_taken_up_ends_no_worker(caplog: pytest.LogCaptureFixture) -> None:
    """Nor does it keep what else has changed from being taken up."""
    taken_up = []

    def fail() -> None:
        raise LookupError("of a kind that nobody has thought of")

    connections = Connections(1024, {}, timeouts(60, 60))
    reloads = [fail, lambda: taken_up.append("another")]
    worker = Worker(never, connections, Loads(1).of(0), patience=1, reloads=reloads)
    worker._reload()
    assert taken_up == ["another"]
    assert "of a kind that nobody has thought of" in caplog.text


async def never(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """An application that nobody asks."""


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


def log_of(directory: Path) -> str:
    return (directory / "lading.log").read_text()

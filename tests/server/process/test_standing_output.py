"""Whoever reads what the server says may stand still, or be gone: no request waits for it."""

import fcntl
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import yaml

from lading.system.logfile import CAPACITY
from tests.support.client import Client
from tests.support.commands import environment
from tests.support.guarded import write_users
from tests.support.lading import program
from tests.support.processes import wait_until

# More than what a pipe of one page, and what is between it and a request, could hold.
REQUESTS = 300
# Seconds for a server to end that nothing keeps busy.
SOON = 15


@dataclass
class Piped:
    """A server whose standard output and standard error are two pipes of one page each."""

    process: subprocess.Popen[bytes]
    client: Client

    def ask_much(self, count: int = REQUESTS) -> None:
        """Cause a line in each of the logs, again and again, on one connection."""
        agent = "a" * 500
        with self.client.connection() as connection:
            for _ in range(count):
                connection.request("GET", "/v2/", authorization="Bearer x.y.z", user_agent=agent)
                assert connection.receive().status == 401

    def end(self) -> int:
        """Tell it to stop, and wait."""
        self.process.terminate()
        return self.process.wait(SOON)


@contextmanager
def piped(directory: Path, workers: int = 1, **sections: object) -> Iterator[Piped]:
    """Run one, and read no more than its first line."""
    users = directory / "htpasswd"
    write_users(users, "reader")
    config = directory / "config.yml"
    settings = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(directory / "data")}},
        "http": {"addr": "127.0.0.1:0", "workers": workers},
        "auth": {"htpasswd": {"path": str(users)}, "tokens": {"service": "registry.test"}},
        **sections,
    }
    config.write_text(yaml.safe_dump(settings))
    command = [program(), "serve", str(config)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(None)
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            for pipe in (process.stdout, process.stderr):
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 4096)
            said = re.search(r"https?://(\S+)", process.stdout.readline().decode())
            assert said is not None
            yield Piped(process, Client(said[1]))
        finally:
            process.kill()


@pytest.mark.parametrize("workers", [1, 2])
def test_requests_are_answered_and_sigterm_is_heeded(tmp_path: Path, workers: int) -> None:
    """Neither of the two pipes is read, to which the audit log goes as well."""
    with piped(tmp_path, workers, audit={"file": "-"}) as server:
        server.ask_much()
        assert server.end() == 0


def test_a_worker_that_died_is_replaced_all_the_same(tmp_path: Path) -> None:
    """The parent has something to say of it, to a pipe that takes not a byte more."""
    with piped(tmp_path, 2) as server:
        server.ask_much()
        pid = server.process.pid
        fill(Path(f"/proc/{pid}/fd/2"))
        children = Path(f"/proc/{pid}/task/{pid}/children")
        for _ in range(3):
            dead = children.read_text().split()[0]
            os.kill(int(dead), signal.SIGKILL)
            wait_until(partial(has_been_replaced, dead, children), "a new worker")
        assert server.end() == 0


def test_a_parent_ends_that_has_no_workers_any_more(tmp_path: Path) -> None:
    """It would say why, and whoever starts it again waits for its end."""
    with piped(tmp_path, 2) as server:
        server.ask_much()
        pid = server.process.pid
        fill(Path(f"/proc/{pid}/fd/2"))
        database = tmp_path / "data" / "lading" / "metadata.sqlite3"
        database.rename(tmp_path / "elsewhere")
        database.mkdir()
        for worker in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            os.kill(int(worker), signal.SIGKILL)
        assert server.process.wait(SOON) == 1


def fill(pipe: Path) -> None:
    """Write to a pipe until it takes nothing more."""
    end = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    with suppress(BlockingIOError):
        while os.write(end, b"."):
            pass
    os.close(end)


def has_been_replaced(dead: str, children: Path) -> bool:
    """Whether there are two workers again."""
    now = children.read_text().split()
    return dead not in now and len(now) == 2


def test_what_could_not_be_written_is_counted_once_it_can_be_again(tmp_path: Path) -> None:
    """A reader that goes on finds the lines that there was room for, and how many there was not."""
    with piped(tmp_path) as server:
        count = CAPACITY // 500
        server.ask_much(count)
        outputs = [server.process.stdout, server.process.stderr]
        with ThreadPoolExecutor() as readers:
            found = [readers.submit(output.read) for output in outputs if output is not None]
            server.ask_much(10)
            assert server.end() == 0

    requests, messages = (read.result().decode() for read in found)
    lost = sum(map(int, re.findall(r"(\d+) lines of the access log are lost", messages)))
    assert lost > 0
    assert requests.count('"GET /v2/ HTTP/1.1" 401') + lost == count + 10


def test_a_reader_that_is_gone_is_no_reason_to_end(tmp_path: Path) -> None:
    """Writing fails from then on, and is tried again."""
    with piped(tmp_path) as server:
        for pipe in (server.process.stdout, server.process.stderr):
            assert pipe is not None
            pipe.close()
        server.ask_much()
        assert server.end() == 0


def test_a_file_of_audit_that_is_a_pipe_which_nobody_reads(tmp_path: Path) -> None:
    """The start says so, instead of waiting for a reader."""
    pipe = tmp_path / "audit.pipe"
    os.mkfifo(pipe)
    config = tmp_path / "config.yml"
    config.write_text(yaml.safe_dump({"version": 0.1, "audit": {"file": str(pipe)}}))
    done = subprocess.run(
        [program(), "serve", str(config)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
        env=environment({"REGISTRY_HTTP_ADDR": "127.0.0.1:0"}),
    )
    assert done.returncode == 1
    assert f"audit.file: {pipe}: no process reads this pipe" in done.stderr

"""SIGHUP: a request to read files again, or the end of the terminal."""

import http.client
import os
import pty
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.lading import program
from tests.support.processes import wait_until


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """A terminal: the side of the person, and that of programs."""
    person, programs = pty.openpty()
    yield person, programs
    os.close(programs)


def start(directory: Path, workers: int, terminal: int) -> subprocess.Popen[bytes]:
    """Start a registry in a terminal, and wait until it serves."""
    log = directory / "lading.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            # Not only its files: the program's session gets the terminal.
            ["setsid", "--ctty", program(), "serve"],
            cwd=directory,
            env={"REGISTRY_HTTP_ADDR": "127.0.0.1:0", "REGISTRY_HTTP_WORKERS": str(workers)},
            stdin=terminal,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    # Workers take SIGHUP for the end until they are up.
    wait_until(lambda: answers(log), "lading serve", log=log.read_text)
    return process


def answers(log: Path) -> bool:
    """Whether somebody serves at the address of the greeting."""
    greeting = re.search(r"Listening on +http://(\S+)\n", log.read_text())
    if greeting is None:
        return False
    connection = http.client.HTTPConnection(greeting[1], timeout=5)
    with closing(connection):
        connection.request("GET", "/v2/")
        return connection.getresponse().status == 200


def children_of(pid: int) -> str:
    """The processes that a process has started."""
    return Path(f"/proc/{pid}/task/{pid}/children").read_text()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_closed_terminal_ends_the_registry(
    terminal: tuple[int, int], tmp_path: Path, workers: int
) -> None:
    """Nobody finds its port taken by a registry that they cannot see."""
    person, programs = terminal
    process = start(tmp_path, workers, programs)
    os.close(person)
    assert process.wait(20) in {0, -signal.SIGTERM}


@pytest.mark.parametrize("workers", [1, 2])
def test_sighup_in_an_open_terminal_does_not(
    terminal: tuple[int, int], tmp_path: Path, workers: int
) -> None:
    """It goes on, with the same processes."""
    person, programs = terminal
    process = start(tmp_path, workers, programs)
    children = children_of(process.pid)
    os.kill(process.pid, signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(2)
    assert children_of(process.pid) == children
    process.terminate()
    process.wait()
    os.close(person)

"""SIGHUP: a request to read files again, or the end of the terminal."""

import os
import pty
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.lading import program
from tests.support.processes import wait_until
from tests.support.workers import takes_connections


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
    wait_until(lambda: serves(process.pid, workers, log), "lading serve", log=log.read_text)
    return process


def serves(pid: int, workers: int, log: Path) -> bool:
    """Whether all who are to take connections at the address of the greeting do so."""
    greeting = re.search(r"Listening on +http://\S+:(\d+)\n", log.read_text())
    if greeting is None:
        return False
    serving = [pid] if workers == 1 else children_of(pid)
    port = int(greeting[1])
    return len(serving) == workers and all(takes_connections(each, port) for each in serving)


def children_of(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [*map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_closed_terminal_ends_the_registry(
    terminal: tuple[int, int], tmp_path: Path, workers: int
) -> None:
    """Nobody finds its port taken by a registry that they cannot see."""
    person, programs = terminal
    process = start(tmp_path, workers, programs)
    os.close(person)
    assert process.wait(60) in {0, -signal.SIGTERM}


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


@pytest.mark.parametrize("workers", [1, 2])
def test_what_asks_for_nothing_is_not_the_end(
    terminal: tuple[int, int], tmp_path: Path, workers: int
) -> None:
    """Scripts for other servers have logs opened again so."""
    process = start(tmp_path, workers, terminal[1])
    try:
        for pid in (process.pid, *children_of(process.pid)):
            for number in (signal.SIGUSR1, signal.SIGUSR2):
                os.kill(pid, number)
        assert serves(process.pid, workers, tmp_path / "lading.log")
        process.terminate()
        assert process.wait(60) == 0
    finally:
        process.kill()


def test_a_reload_while_it_starts_is_not_the_end(tmp_path: Path) -> None:
    log = tmp_path / "lading.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program(), "serve"],
            cwd=tmp_path,
            env={"REGISTRY_HTTP_ADDR": "127.0.0.1:0", "REGISTRY_HTTP_WORKERS": "1"},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: ignores(process.pid, signal.SIGHUP), "the start", log=log.read_text)
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: serves(process.pid, 1, log), "lading serve", log=log.read_text)
    finally:
        process.kill()
        process.wait()


def ignores(pid: int, number: signal.Signals) -> bool:
    """Whether a process ignores a signal."""
    mask = re.search(r"SigIgn:\s+(\w+)", Path(f"/proc/{pid}/status").read_text())
    assert mask is not None
    return bool(int(mask[1], 16) >> (number - 1) & 1)

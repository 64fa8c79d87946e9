"""Processes that go on in the background, and are ended, they alone."""

import random
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.commands import environment

_RANDOM = random.SystemRandom()
# Where those begin that the kernel gives, unless it is told otherwise (ip_local_port_range, ip(7)).
_FIRST_OF_THE_KERNEL = 32_768
# Killed tests take what they started with them, where util-linux is.
_UNTIL_DEATH = ["setpriv", "--pdeathsig=TERM"] if shutil.which("setpriv") else []


@contextmanager
def background(
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    grace: float = 30,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program for the length of the block, its output in `log`; then ask it to end."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*_UNTIL_DEATH, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment(env),
            # Not in the terminal's group: Ctrl-C ends the tests, and they end the program.
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _end(process, grace)


def _end(process: subprocess.Popen[bytes], grace: float) -> None:
    process.terminate()
    try:
        process.wait(grace)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    """A port of this machine that nobody listens on, nor is likely to until it is used.

    It is none that the kernel gives to whoever asks for any; and pytest-randomly has all processes
    of a run draw the same random numbers, but for the system's own.
    """
    while True:
        port = _RANDOM.randrange(10_000, _FIRST_OF_THE_KERNEL)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def wait_until(
    ready: Callable[[], bool], what: str, *, seconds: float = 100, log: Callable[[], str] = str
) -> None:
    """Wait for something that has been started; if it does not come, show the end of its log."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            pytest.fail(f"{what} was not ready after {seconds:.0f} s\n{log()[-4000:]}")
        time.sleep(0.05)

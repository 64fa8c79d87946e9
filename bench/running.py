"""Runs registries, and tells what they use: processor time, memory, syncs of the disk."""

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.http import Connection
from bench.registries import Registry
from bench.tokens import Issuer

# Seconds that a registry may take to start.
START = 30


class NotStartedError(Exception):
    """A registry does not answer; the message is the end of its log."""


@dataclass(frozen=True)
class Running:
    """A registry that answers on a port of this machine.

    Attributes:
        issuer: whose tokens it wants; `None` if everybody may do everything.
    """

    registry: Registry
    port: int
    data: Path
    process: psutil.Process
    issuer: Issuer | None = None

    def processor_seconds(self) -> float:
        """What all its processes have used so far, in user and system mode."""
        return sum(float(sum(process.cpu_times()[:2])) for process in self._processes())

    def largest_process_bytes(self) -> int:
        """Memory of the largest of its processes."""
        return max(int(process.memory_info().rss) for process in self._processes())

    def headers(self, *repositories: str) -> Mapping[str, str]:
        """What requests about these repositories have to bring along."""
        if self.issuer is None:
            return {}
        return {"Authorization": f"Bearer {self.issuer.token(repositories)}"}

    def connect(self, *repositories: str) -> Connection:
        """A connection to it, for requests about these repositories."""
        return Connection(self.port, self.headers(*repositories))

    @contextmanager
    def counting_syncs(self) -> Iterator["Syncs"]:
        """Count what it syncs to disk during the block; it is slower meanwhile."""
        processes = [f"--attach={process.pid}" for process in self._processes()]
        calls = "--trace=fsync,fdatasync,sync_file_range,msync"
        output = self.data.with_suffix(".strace")
        command = ["strace", "--follow-forks", f"--output={output}", calls, *processes]
        tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert tracer.stderr is not None
        for line in tracer.stderr:
            if "attached" in line:
                break
        time.sleep(0.5)
        syncs = Syncs()
        try:
            yield syncs
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.communicate()
        syncs.count = len(re.findall(r" f(?:data)?sync\(", output.read_text()))

    def _processes(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]


@dataclass
class Syncs:
    """How often `fsync` or `fdatasync` was called."""

    count: int = 0


@contextmanager
def running(
    registry: Registry,
    directory: Path,
    *,
    environment: Mapping[str, str] | None = None,
    issuer: Issuer | None = None,
) -> Iterator[Running]:
    """Run a registry for the length of the block, on fresh data unless some was put there."""
    port = free_port()
    data = directory / re.sub(r"[^a-z0-9]+", "-", registry.name.lower())
    data.mkdir(parents=True, exist_ok=True)
    launch = registry.launch(data, port)
    log = data.with_suffix(".log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            launch.command,
            env={**os.environ, **launch.environment, **(environment or {})},
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait(process, port, log)
        yield Running(registry, port, data, psutil.Process(process.pid), issuer)
    finally:
        process.terminate()
        process.wait()


def wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until a server answers.

    Raises:
        NotStartedError: it ends, or takes too long.
    """
    deadline = time.monotonic() + START
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with Connection(port) as connection:
                connection.request("GET", "/v2/")
                return
        except OSError:
            time.sleep(0.05)
    raise NotStartedError(log.read_text(errors="replace")[-2000:])


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port

"""Runs registries, and tells what they use: processor time, memory, syncs of the disk."""

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.http import Connection, UnexpectedAnswer
from bench.registries import Registry
from bench.tokens import Issuer

# Seconds that a registry may take to start.
START = 30
# Bytes of a log that tell why it ended.
LOG_END = 2000


class NotStartedError(UnexpectedAnswer):
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
    program: subprocess.Popen[bytes]
    issuer: Issuer | None = None

    @property
    def name(self) -> str:
        """Of the registry."""
        return self.registry.name

    def processor_seconds(self) -> float:
        """What all its processes have used so far, in user and system mode."""
        with _alive():
            return sum(float(sum(process.cpu_times()[:2])) for process in self._processes())

    def largest_process_bytes(self) -> int:
        """Memory of the largest of its processes."""
        with _alive():
            return max(int(process.memory_info().rss) for process in self._processes())

    def ended(self) -> str:
        """How it ended, with the end of its log; empty while it runs."""
        code = self.program.poll()
        if code is None:
            return ""
        how = f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
        return f"it {how}, and its log ends: {_end_of(_log_of(self.data))}"

    def remove(self, digests: Collection[str]) -> None:
        """Remove the bytes of blobs that nobody asks for any more."""
        remove_blobs(self.data, digests)

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
    log = _log_of(data)
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
        yield Running(registry, port, data, psutil.Process(process.pid), process, issuer)
    finally:
        process.terminate()
        process.wait()


def remove_blobs(data: Path, digests: Collection[str]) -> None:
    """Remove blobs from a registry's directory, so that a long run needs no larger disk.

    Not by its API, which takes rows and links away, and no bytes.
    """
    values = {digest.rpartition(":")[2] for digest in digests}
    for directory, _, files in os.walk(data):
        inside = Path(directory).name in values
        for file in files:
            if inside or file in values:
                Path(directory, file).unlink(missing_ok=True)


def _log_of(data: Path) -> Path:
    return data.with_suffix(".log")


@contextmanager
def _alive() -> Iterator[None]:
    """Translate that a process is gone."""
    try:
        yield
    except psutil.Error as error:
        raise UnexpectedAnswer(f"one of its processes is gone: {error}") from error


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
        except (OSError, UnexpectedAnswer):
            time.sleep(0.05)
    raise NotStartedError(f"it does not answer; its log ends: {_end_of(log)}")


def _end_of(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - LOG_END))
        return file.read().decode(errors="replace").strip()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port

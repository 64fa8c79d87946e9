"""`python -m bench.replicas URL`: how much more two replicas do than one, each pinned to a core.

A manifest is pulled by its tag from one replica, then from two at once, on one PostgreSQL; clients
are spread over both evenly, as a balancer would. What makes the load and the database share the
machine with them: the table says what they took, so that it shows what was the limit.
"""

import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click
import psutil
import yaml

from bench.content import ACCEPT, image, push_image
from bench.http import Connection
from bench.running import free_port, wait
from bench.wrk import load

REPOSITORY = "library/app"
CONNECTIONS = 16
# Connections of a replica to the database. All share the two cores: with more of them, Linux keeps
# a process of PostgreSQL waiting for a second now and then, which is no property of a replica.
POOL_SIZE = 3


@dataclass(frozen=True, slots=True)
class Replica:
    """A server with one worker on a core of its own."""

    port: int
    process: psutil.Process

    def processor_seconds(self) -> float:
        """What all its processes have used so far."""
        processes = [self.process, *self.process.children(recursive=True)]
        return sum(float(sum(process.cpu_times()[:2])) for process in processes)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a measurement came to.

    Attributes:
        rate: pulls per second, of all replicas together.
        p99_ms: of the slowest replica.
        own: milliseconds of processor time that the replicas take for a pull.
        beside: the same of all else: the database, and what makes the load.
        busy: how much of all cores was used, from 0 to 1.
    """

    rate: float
    p99_ms: float
    own: float
    beside: float
    busy: float


@click.command()
@click.argument("url")
@click.option("--rounds", default=7, help="How often to measure both.")
@click.option("--seconds", default=5.0, help="How long each measurement takes.")
def main(url: str, *, rounds: int, seconds: float) -> None:
    """Pull a manifest from one replica, and from two, on the empty PostgreSQL at URL."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        replicas = [stack.enter_context(_replica(Path(name), core, url)) for core in range(2)]
        with Connection(replicas[0].port) as connection:
            push_image(connection, REPOSITORY, "latest", image(random.Random(1), [20_000]))
        measured: dict[int, list[Measured]] = {1: [], 2: []}
        for _ in range(rounds):
            for count, results in measured.items():
                results.append(_measure(replicas[:count], seconds))
    click.echo(_table(measured))


@contextmanager
def _replica(directory: Path, core: int, url: str) -> Iterator[Replica]:
    port = free_port()
    settings = {
        "version": 0.1,
        "http": {"addr": f"127.0.0.1:{port}", "workers": 1},
        "storage": {"filesystem": {"rootdirectory": str(directory / "data")}},
        "database": {"postgresql": {"url": url, "poolsize": POOL_SIZE}},
    }
    config = directory / f"replica-{core}.yml"
    config.write_text(yaml.safe_dump(settings))
    log = config.with_suffix(".log")
    program = Path(sys.executable).with_name("lading")
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["taskset", "--cpu-list", str(core), program, "serve", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait(process, port, log)
        yield Replica(port, psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait()


def _measure(replicas: Sequence[Replica], seconds: float) -> Measured:
    """Pull from all of them at once, by as many connections in all as from one."""
    pull = partial(
        load,
        path=f"/v2/{REPOSITORY}/manifests/latest",
        connections=CONNECTIONS // len(replicas),
        seconds=seconds,
        headers=ACCEPT,
    )
    before, all_before = _own(replicas), _all_busy()
    with ThreadPoolExecutor(len(replicas)) as threads:
        loads = list(threads.map(pull, [replica.port for replica in replicas]))
    own, busy = _own(replicas) - before, _all_busy() - all_before
    pulls, lasted = sum(each.requests for each in loads), max(each.seconds for each in loads)
    return Measured(
        rate=pulls / lasted,
        p99_ms=max(each.p99_ms for each in loads),
        own=own / pulls * 1000,
        beside=(busy - own) / pulls * 1000,
        busy=busy / lasted / (os.cpu_count() or 1),
    )


def _own(replicas: Sequence[Replica]) -> float:
    return sum(replica.processor_seconds() for replica in replicas)


def _all_busy() -> float:
    """Seconds of processor time that the machine has used so far."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq)


def _table(measured: Mapping[int, Sequence[Measured]]) -> str:
    rows = [
        "| replicas | pulls/s | p99, ms | ms of processor each | beside it | cores used |",
        "|---|---|---|---|---|---|",
    ]
    for count, results in measured.items():

        def middle(name: str, of: Sequence[Measured] = results) -> float:
            return float(statistics.median(getattr(each, name) for each in of))

        rows.append(
            f"| {count} | {middle('rate'):,.0f} | {middle('p99_ms'):.1f} | {middle('own'):.3f}"
            f" | {middle('beside'):.3f} | {middle('busy'):.0%} |"
        )
    one, two = (statistics.median(each.rate for each in measured[count]) for count in (1, 2))
    return "\n".join([*rows, "", f"Two replicas pull {two / one:.2f} times as much as one."])


if __name__ == "__main__":
    main()

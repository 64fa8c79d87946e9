"""How long pulls of manifests take while the server collects 10,000 blobs, and while it does not.

Two clients, each on a connection of its own, ask at a steady rate, so that what they wait for is
the server and not each other. There is one worker, which does both. Rounds with and without garbage
take turns.
"""

import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

import yaml

from bench.collection.filling import delete, fill
from bench.http import Connection
from lading.wiring.paths import metadata_path

COLLECTED = 10_000
CLIENTS = 2
PULLS_PER_SECOND = 200
ROUNDS = 2
# Seconds without garbage, as long as a collection takes.
QUIET = 4.0
GARBAGE = (
    "SELECT 1 FROM manifests WHERE deleted_at IS NOT NULL LIMIT 1",
    "SELECT 1 FROM links WHERE loose_at IS NOT NULL LIMIT 1",
    "SELECT 1 FROM blobs WHERE unlinked_at IS NOT NULL LIMIT 1",
    "SELECT 1 FROM deletions LIMIT 1",
)


@dataclass
class Latencies:
    """Milliseconds that pulls took."""

    quiet: list[float] = field(default_factory=list)
    collecting: list[float] = field(default_factory=list)


def measure() -> Latencies:
    """Run a server and its clients."""
    found = Latencies()
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / "data"
        (kept, digest), *_ = fill(root, "kept", 10_000)
        garbage = [fill(root, f"garbage{number}", COLLECTED) for number in range(ROUNDS)]
        with _serving(root) as port:
            target = f"/v2/{kept}/manifests/{digest}"
            _pull_during(port, target, lambda: time.sleep(1))
            for images in garbage:
                found.quiet += _pull_during(port, target, lambda: time.sleep(QUIET))
                delete(root, images)
                found.collecting += _pull_during(port, target, lambda: _wait_until_gone(root))
    return found


def report(found: Latencies) -> str:
    """A table."""
    lines = ["| manifest pulls | number | median | p99 | longest |", "|---|---|---|---|---|"]
    for name, taken in (
        ("without a collection", found.quiet),
        (f"during collections of {COLLECTED:,} blobs", found.collecting),
    ):
        percentiles = quantiles(taken, n=100)
        lines.append(
            f"| {name} | {len(taken):,} | {percentiles[49]:.1f} ms | {percentiles[98]:.1f} ms |"
            f" {max(taken):.1f} ms |"
        )
    return "\n".join(lines) + "\n"


def _pull_during(port: int, target: str, work: Callable[[], None]) -> Sequence[float]:
    """Pull at a steady rate until the work is done."""
    done = threading.Event()
    taken: list[list[float]] = [[] for _ in range(CLIENTS)]
    clients = [threading.Thread(target=_pull, args=(port, target, done, mine)) for mine in taken]
    for client in clients:
        client.start()
    work()
    done.set()
    for client in clients:
        client.join()
    return [milliseconds for mine in taken for milliseconds in mine]


def _pull(port: int, target: str, done: threading.Event, taken: list[float]) -> None:
    with Connection(port) as connection:
        while not done.is_set():
            started = time.perf_counter()
            connection.request("GET", target).expect(200)
            ended = time.perf_counter()
            taken.append((ended - started) * 1000)
            time.sleep(max(0, CLIENTS / PULLS_PER_SECOND - (ended - started)))


def _wait_until_gone(root: Path) -> None:
    """Until the server has collected all that there is to collect."""
    with closing(sqlite3.connect(metadata_path(root))) as connection:
        while any(connection.execute(query).fetchone() for query in GARBAGE):
            time.sleep(0.05)


@contextmanager
def _serving(root: Path) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    config = root.with_suffix(".yml")
    config.write_text(yaml.safe_dump(_settings(root, port)))
    with root.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("lading"), "serve", config], stdout=log, stderr=log
        )
    try:
        _wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int) -> None:
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("the server does not start")


def _settings(root: Path, port: int) -> Mapping[str, object]:
    return {
        "version": "0.1",
        "log": {"accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(root)},
            "garbagecollect": {"interval": "100ms"},
        },
        "http": {"addr": f"127.0.0.1:{port}", "workers": 1},
    }

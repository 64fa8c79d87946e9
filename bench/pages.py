"""`python -m bench.pages`: what pages cost, and what they cost those who pull meanwhile.

A registry of many repositories is made as `bench.adoption` makes one. Then manifests are pulled,
by turns while nobody looks at a page and while pages are read at a steady rate. What the machine
itself makes pulls slower by, which has few cores for all of this, is measured in between: another
program computes for as long as those pages took, and small answers are read at their rate.

And each page is read by itself while somebody pulls from the same, only worker: what that one waits
for longest is how long the page holds up all others. Both are on the load of the machine, which is
told.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

import click

from bench.adoption import adopt, fill
from bench.content import ACCEPT, MANIFEST, OCI, Blob, push_blob, push_manifest
from bench.http import Connection
from bench.machine import describe
from bench.registries import Launch, Registry, find
from bench.running import Running, running
from bench.tally import quantile
from bench.wrk import load

HTML = {"Accept": "text/html"}
PULLED = "team1/app1"
# Layers that a manifest may have, beside a configuration.
MANY = 9_999
# How often each page is read, and a manifest before that, for the median of either.
READS, PULLS = 15, 200
# Computes for some seconds, and again whenever so many have passed.
_BUSY = """
import sys, time
work, every = map(float, sys.argv[1:])
due = time.perf_counter()
while True:
    until = time.thread_time() + work
    while time.thread_time() < until:
        pass
    due += every
    time.sleep(max(0.0, due - time.perf_counter()))
"""


@click.command()
@click.option("--repositories", default=10_000, help="How many there are.")
@click.option("--tags", default=10, help="How many each has.")
@click.option("--rounds", default=5, help="How often pulls are measured with pages, and without.")
@click.option("--seconds", default=5.0, help="How long each time.")
@click.option("--rate", default=20.0, help="Pages a second.")
@click.option("--connections", default=4, help="That pull at once.")
@click.option("--keep", type=click.Path(path_type=Path), help="A folder to make the registry in.")
def main(
    *,
    repositories: int,
    tags: int,
    rounds: int,
    seconds: float,
    rate: float,
    connections: int,
    keep: Path | None,
) -> None:
    """Measure pages, and pulls beside them."""
    click.echo(f"{describe()}; load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(prefix="lading-bench-") as name:
        directory = keep or Path(name)
        lading = find("lading")
        data = directory / "lading"
        if not data.exists():
            data.mkdir()
            fill(data, repositories, tags)
            click.echo(f"adopted: {adopt(data)[2]}")
        with running(lading, directory) as registry:
            paths = _paths(registry)
            click.echo(_beside_pulls(registry, paths, rounds, seconds, rate, connections))
        with running(_with_one_worker(lading), directory) as registry:
            click.echo(_each(registry, paths))
    click.echo(f"load {os.getloadavg()[0]:.1f}")


def _paths(registry: Running) -> Mapping[str, str]:
    """The pages that are read, by what they show."""
    with registry.connect() as connection:
        _push_largest(connection)
        one = f"/r/{PULLED}"
        head = connection.request("HEAD", f"/v2/{PULLED}/manifests/v0", headers=ACCEPT)
        image = f"{one}/-/images/{head.headers['docker-content-digest']}"
        large = connection.request("HEAD", "/v2/large/layers/manifests/v1", headers=ACCEPT)
        largest = f"/r/large/layers/-/images/{large.headers['docker-content-digest']}"
    return {
        "home": "/",
        "home by size": "/?sort=size",
        "a folder": "/?in=team1/",
        "a search": "/?q=app77",
        "a search as typed": "/-/search?q=app77",
        "a repository": one,
        "an image": image,
        "a manifest": f"{image}/raw",
        "two images compared": f"{one}/-/compare?from=v0&to=v1",
        "files": f"{image}/files",
        "space": "/-/space",
        "events": "/-/events",
        "trash": "/-/trash",
        f"an image of {MANY:,} layers": largest,
        f"a manifest of {MANY:,} layers": f"{largest}/raw",
    }


def _push_largest(connection: Connection) -> None:
    """Push an image whose manifest is as large as one may be."""
    config, layer = Blob.of(b"{}"), Blob.of(b"a layer")
    for blob in (config, layer):
        push_blob(connection, "large/layers", blob.digest, blob.body)
    layers = ",".join([_json(layer, "layer.v1.tar+gzip")] * MANY)
    body = (
        f'{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{_json(config, "config.v1+json")},'
        f'"layers":[{layers}]}}'
    )
    push_manifest(connection, "large/layers", "v1", body.encode())


def _json(blob: Blob, kind: str) -> str:
    return f'{{"mediaType":"{OCI}.{kind}","digest":"{blob.digest}","size":{len(blob.body)}}}'


def _beside_pulls(
    registry: Running,
    paths: Mapping[str, str],
    rounds: int,
    seconds: float,
    rate: float,
    connections: int,
) -> str:
    """How pulls of a manifest go alone, and while pages are read; a table."""

    def pulled() -> tuple[float, float]:
        path = f"/v2/{PULLED}/manifests/v0"
        done = load(registry.port, path, connections=connections, seconds=seconds, headers=ACCEPT)
        return done.p50_ms, done.p99_ms

    small = [path for what, path in paths.items() if f"{MANY:,}" not in what]
    work, shown = _processor_seconds(registry, small), list[float]()
    alone = "alone"
    other = f"beside another program that computes for {work * 1e3:.1f} ms as often"
    beside = f"beside {rate:.0f} pages a second"
    found: dict[str, list[tuple[float, float]]] = {alone: [], other: [], beside: []}
    for _ in range(rounds):
        found[alone].append(pulled())
        with _computing(work, 1 / rate), _reading(registry, ["/v2/"], rate, lambda _: None):
            found[other].append(pulled())
        with _reading(registry, small, rate, shown.append):
            found[beside].append(pulled())
    rows = [f"| {connections} that pull | p50 | p99 | of p99 alone |", "|---|---|---|---|"]
    for what, times in found.items():
        p50, p99 = (statistics.median(each) for each in zip(*times, strict=True))
        pairs = zip(times, found[alone], strict=True)
        ratio = statistics.median(one[1] / usual[1] for one, usual in pairs)
        rows.append(f"| {what} | {p50:.2f} ms | {p99:.2f} ms | {ratio:.2f}× |")
    p50, p99 = quantile(shown, 0.5) * 1e3, quantile(shown, 0.99) * 1e3
    rows.append(f"| those pages | {p50:.1f} ms | {p99:.1f} ms | |")
    return "\n".join(rows)


def _processor_seconds(registry: Running, paths: Sequence[str]) -> float:
    """What a page takes of the processor in the server, on average over them."""
    with Connection(registry.port, HTML) as connection:
        for number in range(READS + 1):
            if number == 1:  # the first time templates are compiled
                before = registry.processor_seconds()
            for path in paths:
                connection.request("GET", path).expect(200)
    return (registry.processor_seconds() - before) / (READS * len(paths))


@contextmanager
def _computing(work: float, every: float) -> Iterator[None]:
    """Another program computes during the block, so many seconds each time that so many pass."""
    process = subprocess.Popen([sys.executable, "-c", _BUSY, str(work), str(every)])
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def _reading(
    registry: Running, paths: Sequence[str], rate: float, note: Callable[[float], None]
) -> Iterator[None]:
    """Read pages in turn during the block, so many a second, whether or not the last one came."""
    ended, places = threading.Event(), cycle(paths)

    def read(first: float, step: float) -> None:
        with Connection(registry.port, HTML) as connection:
            due = time.perf_counter() + first
            while not ended.wait(max(0.0, due - time.perf_counter())):
                started = time.perf_counter()
                connection.request("GET", next(places)).expect(200)
                note(time.perf_counter() - started)
                due += step

    readers = 4
    threads = [
        threading.Thread(target=read, args=(number / rate, readers / rate))
        for number in range(readers)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def _each(registry: Running, paths: Mapping[str, str]) -> str:
    """What each page takes, and for how long it holds up a pull; a table."""
    rows = ["| page | bytes | p50 | holds up a pull for |", "|---|---|---|---|"]
    with registry.connect() as connection:
        usual = statistics.median(_pull(connection) for _ in range(PULLS))
    for what, path in paths.items():
        size, took, waited = _page(registry, path)
        rows.append(
            f"| {what} | {size:,} | {took * 1e3:.1f} ms | {(waited - usual) * 1e3:.1f} ms |"
        )
    return "\n".join(rows)


def _page(registry: Running, path: str) -> tuple[int, float, float]:
    """Bytes of a page, and seconds: that it takes, and that a pull takes at most meanwhile."""
    took, waited, size = list[float](), list[float](), 0
    with Connection(registry.port, HTML) as reader:
        for _ in range(READS):
            ended, pulls = threading.Event(), list[float]()
            thread = threading.Thread(target=_pull_until, args=(registry, ended, pulls))
            thread.start()
            time.sleep(0.01)
            started = time.perf_counter()
            size = reader.request("GET", path).expect(200).size
            took.append(time.perf_counter() - started)
            ended.set()
            thread.join()
            waited.append(max(pulls))
    return size, statistics.median(took), statistics.median(waited)


def _pull_until(registry: Running, ended: threading.Event, pulls: list[float]) -> None:
    with registry.connect() as connection:
        while not ended.is_set():
            pulls.append(_pull(connection))


def _pull(connection: Connection) -> float:
    """Pull a manifest; seconds."""
    started = time.perf_counter()
    connection.request("GET", f"/v2/{PULLED}/manifests/v0", headers=ACCEPT).expect(200)
    return time.perf_counter() - started


def _with_one_worker(registry: Registry) -> Registry:
    def launch(data: Path, port: int) -> Launch:
        usual = registry.launch(data, port)
        return Launch(usual.command, {**usual.environment, "REGISTRY_HTTP_WORKERS": "1"})

    return Registry(registry.name, launch, registry.durability)


if __name__ == "__main__":
    main()

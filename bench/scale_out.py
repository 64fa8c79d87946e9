"""`python -m bench.scale_out`: lading on PostgreSQL and S3 beside Distribution on the same S3.

One S3 server (versitygw), a bucket for each of them, everything in turn, on one machine.
Distribution has its cache of descriptors in memory and writes no log of requests; lading runs as
installed. Each runs twice: one sends all bytes itself, and one sends clients to the store. Needs
what the tests need.
"""

import multiprocessing
import os
import random
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import click
import yaml

from bench.content import ACCEPT, MIB, Blob, Image, image, push_blob, push_image, push_manifest
from bench.http import Connection
from bench.progress import Progress
from bench.registries import DISTRIBUTION, Launch, Registry, find
from bench.running import Running, running
from bench.wrk import load
from tests.support.postgresql import running_postgresql
from tests.support.s3 import S3, running_s3

REPOSITORIES = 1000
LARGE = 256 * MIB
SMALL = 4096
# Small blobs that each client pushes in a round; fewer are over before all clients are at work.
PUSHES = 50
CLIENTS = 8
# Pulls of a round of what takes a moment each: one alone says more about the moment.
PULLS = 9
# Seconds for which clients are waited for.
PATIENCE = 120
LADING = "lading"


@dataclass(frozen=True, slots=True)
class Side:
    """A registry: once sending bytes itself, once sending clients to the store."""

    streaming: Running
    redirecting: Running


Figures = Mapping[str, Mapping[str, Sequence[float]]]


@click.command()
@click.option("--rounds", default=3, help="How often to measure everything.")
@click.option("--seconds", default=3.0, help="How long each measurement of many requests takes.")
def main(*, rounds: int, seconds: float) -> None:
    """Measure both, and print a table."""
    figures: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lading-bench-")))
        s3 = stack.enter_context(running_s3())
        postgresql = stack.enter_context(running_postgresql())
        places = {LADING: s3.fresh(), DISTRIBUTION: s3.fresh()}
        launches = {
            LADING: _lading(places[LADING], directory / "local", postgresql.new_url()),
            DISTRIBUTION: _distribution(places[DISTRIBUTION]),
        }
        sides = {
            name: stack.enter_context(_both(name, launch, directory))
            for name, launch in launches.items()
        }
        for name, side in sides.items():
            _fill(name, side)
        for _ in range(rounds):
            blobs = {name: Blob.of(os.urandom(LARGE)) for name in sides}
            for name, side in sides.items():
                for what, figure in _measure(side, blobs[name], seconds):
                    figures[what][name].append(figure)
            for what, name, figure in _measure_pulls(sides, blobs):
                figures[what][name].append(figure)
        for name, side in sides.items():
            figures[MEMORY][name].append(_peak(side.streaming) / MIB)
    click.echo(_table(figures))


MANIFEST = "pull of a manifest, 16 connections, requests/s"
CATALOG = f"page of 100 of a catalog of {REPOSITORIES:,}, 4 connections, requests/s"
PUSH = "push of 256 MiB, MB/s"
ONE_SMALL = "push of blobs of 4 KiB (POST, PATCH, PUT), one client, blobs/s"
MANY_SMALL = f"the same, {CLIENTS} clients at once"
STREAMED = "pull of 256 MiB through the registry, MB/s"
REDIRECTED = "pull of 256 MiB, sent to the store, MB/s"
STORE_ALONE = "the same from the store alone, whose address is known before, MB/s"
SENT = "clients sent to the store, 16 connections, requests/s"
MEMORY = "memory of the largest process at its height, MiB"
LESS_IS_BETTER = {MEMORY}


def _measure(side: Side, large: Blob, seconds: float) -> Iterator[tuple[str, float]]:
    registry = side.streaming
    manifest = "/v2/zz/app/manifests/latest"
    yield MANIFEST, _rate(registry, manifest, 16, seconds)
    yield CATALOG, _rate(registry, "/v2/_catalog?n=100", 4, seconds)
    yield PUSH, LARGE / 1e6 / _seconds(lambda: _push(registry, [large]))
    yield ONE_SMALL, PUSHES / _seconds_of_clients(registry, 1)
    yield MANY_SMALL, PUSHES * CLIENTS / _seconds_of_clients(registry, CLIENTS)
    yield SENT, _rate(side.redirecting, f"/v2/zz/app/blobs/{large.digest}", 16, seconds)


def _measure_pulls(
    sides: Mapping[str, Side], blobs: Mapping[str, Blob]
) -> Iterator[tuple[str, str, float]]:
    """MB/s (median) of pulls of a large blob, in turn, when nothing is left to write to the disk.

    What was pushed faster waits longer for the disk, which would slow down its pulls alone.
    """
    os.sync()
    taken: dict[tuple[str, str], list[float]] = defaultdict(list)
    for _ in range(PULLS):
        for name, side in sides.items():
            path = f"/v2/zz/app/blobs/{blobs[name].digest}"
            address = _pull(side.redirecting, path)
            for what, pull in (
                (STREAMED, partial(_pull, side.streaming, path)),
                (REDIRECTED, partial(_pull, side.redirecting, path)),
                (STORE_ALONE, partial(_pull_from_store, address)),
            ):
                taken[what, name].append(_seconds(pull))
    for (what, name), seconds in taken.items():
        yield what, name, LARGE / 1e6 / statistics.median(seconds)


def _rate(registry: Running, path: str, connections: int, seconds: float) -> float:
    done = load(registry.port, path, connections=connections, seconds=seconds, headers=ACCEPT)
    return done.requests / done.seconds


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _small(count: int) -> Sequence[Blob]:
    return [Blob.of(os.urandom(SMALL)) for _ in range(count)]


def _push(registry: Running, blobs: Sequence[Blob]) -> None:
    with registry.connect() as connection:
        for blob in blobs:
            push_blob(connection, "zz/app", blob.digest, blob.body)


def _seconds_of_clients(registry: Running, clients: int) -> float:
    """How long some clients take for their pushes, from when all of them are connected."""
    forks = multiprocessing.get_context("fork")
    turns = forks.Barrier(clients + 1)

    def push() -> None:
        blobs = _small(PUSHES)
        with registry.connect() as connection:
            connection.request("GET", "/v2/").expect(200)
            turns.wait(PATIENCE)
            for blob in blobs:
                push_blob(connection, "zz/app", blob.digest, blob.body)
            turns.wait(PATIENCE)

    children = [forks.Process(target=push) for _ in range(clients)]
    for child in children:
        child.start()
    turns.wait(PATIENCE)
    seconds = _seconds(lambda: turns.wait(PATIENCE))
    for child in children:
        child.join()
    return seconds


def _pull(registry: Running, path: str) -> str:
    """Pull a large blob; returns the address in the store to which the registry has sent here."""
    with registry.connect() as connection:
        answer = connection.request("GET", path).expect(200, 307)
        if answer.status == 200:
            assert answer.size == LARGE
            return ""
    _pull_from_store(answer.headers["location"])
    return answer.headers["location"]


def _pull_from_store(address: str) -> None:
    host = address.split("/")[2]
    with Connection(int(host.rpartition(":")[2]), host=host) as connection:
        assert connection.request("GET", address).expect(200).size == LARGE


def _fill(name: str, side: Side) -> None:
    """A thousand repositories, with an image each; the blobs are mounted in all but the first."""
    content = image(random.Random(0), [20_000])
    with side.streaming.connect() as connection:
        push_image(connection, "zz/app", "latest", content)
        for number in Progress(f"fill {name}", range(REPOSITORIES), str):
            repository = f"team-{number % 10}/app-{number}"
            _mount(connection, repository, content)
            push_manifest(connection, repository, "latest", content.manifest.body)


def _mount(connection: Connection, repository: str, content: Image) -> None:
    for blob in content.blobs:
        path = f"/v2/{repository}/blobs/uploads/?mount={blob.digest}&from=zz/app"
        connection.request("POST", path).expect(201)


def _peak(registry: Running) -> float:
    """Bytes of memory that the largest process has had at most."""
    processes = [registry.process, *registry.process.children(recursive=True)]
    return max(_height(process.pid) for process in processes)


def _height(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


Config = Callable[[int, bool], tuple[Sequence[str], Mapping[str, object]]]


@contextmanager
def _both(name: str, config: Config, directory: Path) -> Iterator[Side]:
    with ExitStack() as stack:
        sides = [
            stack.enter_context(running(_registry(name, config, redirects=redirects), directory))
            for redirects in (False, True)
        ]
        yield Side(*sides)


def _registry(name: str, config: Config, *, redirects: bool) -> Registry:
    def launch(data: Path, port: int) -> Launch:
        command, settings = config(port, redirects)
        file = data.with_suffix(".yml")
        file.write_text(yaml.safe_dump(settings))
        return Launch([*command, str(file)], {"OTEL_TRACES_EXPORTER": "none"})

    return Registry(f"{name}{' redirecting' if redirects else ''}", launch, "")


def _lading(s3: S3, local: Path, url: str) -> Config:
    command = find("lading").launch(local, 0).command
    place = {**_past_proxy(s3), "localdirectory": str(local)}

    def config(port: int, redirects: bool) -> tuple[Sequence[str], Mapping[str, object]]:
        return command, {
            "version": 0.1,
            "http": {"addr": f"127.0.0.1:{port}"},
            "database": {"postgresql": {"url": url}},
            "storage": {"s3": place, "redirect": {"disable": not redirects}},
        }

    return config


def _distribution(s3: S3) -> Config:
    program = find("distribution").launch(Path(tempfile.gettempdir()) / "unused", 0).command[0]
    place = {**_past_proxy(s3), "secure": False, "chunksize": 16 * MIB}

    def config(port: int, redirects: bool) -> tuple[Sequence[str], Mapping[str, object]]:
        return [program, "serve"], {
            "version": 0.1,
            "log": {"level": "error", "accesslog": {"disabled": True}},
            "http": {"addr": f"127.0.0.1:{port}"},
            "storage": {
                "s3": place,
                "cache": {"blobdescriptor": "inmemory"},
                "redirect": {"disable": not redirects},
                "delete": {"enabled": True},
            },
        }

    return config


def _past_proxy(s3: S3) -> Mapping[str, object]:
    """The settings of the bucket, asked for at the server itself: the proxy would be the limit."""
    bucket = replace(s3.bucket, endpoint=f"http://127.0.0.1:{s3.port}")
    return replace(s3, bucket=bucket).settings


def _table(figures: Figures) -> str:
    rows = [f"| | {LADING} | {DISTRIBUTION} | ratio |", "|---|---|---|---|"]
    for what, by_name in figures.items():
        ours, theirs = (statistics.median(by_name[name]) for name in (LADING, DISTRIBUTION))
        ratio = theirs / ours if what in LESS_IS_BETTER else ours / theirs
        rows.append(f"| {what} | {ours:,.4g} | {theirs:,.4g} | {ratio:.1f} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()

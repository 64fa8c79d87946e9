"""Pulls of blobs: small ones, large ones, parts of them, and whole images."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count

from bench.content import (
    ACCEPT,
    INDEX,
    MIB,
    Blob,
    Image,
    image,
    index,
    large_blob,
    push_blob,
    push_image,
    push_manifest,
)
from bench.generator import Client
from bench.http import Connection
from bench.running import Running
from bench.tally import Tally
from bench.wire import Request, Writer
from bench.works.base import (
    BYTES,
    REQUESTS,
    Result,
    measure_clients,
    measure_generated,
    measure_load,
)
from bench.wrk import load

REPOSITORY = "library/pulled"


class SmallBlob:
    """A blob of 4 KiB, as configurations are: most of an image's requests, few of its bytes."""

    name = "small blob (4 KiB), 16 connections"
    unit = "requests/s"
    per = REQUESTS
    _blob = Blob.of(random.Random(3).randbytes(4096))

    def prepare(self, registry: Running) -> None:
        """Push it."""
        with registry.connect(REPOSITORY) as connection:
            push_blob(connection, REPOSITORY, self._blob.digest, self._blob.body)

    def measure(self, registry: Running, seconds: float) -> Result:
        """Ask for it."""
        path = f"/v2/{REPOSITORY}/blobs/{self._blob.digest}"
        headers = registry.headers(REPOSITORY)
        return measure_load(
            registry,
            lambda: load(registry.port, path, connections=16, seconds=seconds, headers=headers),
        )


class _Large:
    """A blob that takes long, already in the page cache."""

    per = BYTES
    unit = "MB/s"
    size = 256 * MIB

    def prepare(self, registry: Running) -> None:
        """Push it."""
        blob = large_blob(self.size)
        with registry.connect(REPOSITORY) as connection, blob.open() as body:
            push_blob(connection, REPOSITORY, blob.digest, body)

    def _path(self) -> str:
        return f"/v2/{REPOSITORY}/blobs/{large_blob(self.size).digest}"


class LargePull(_Large):
    """All of it, one client."""

    name = "pull of 256 MiB, 1 client"

    def measure(self, registry: Running, seconds: float) -> Result:
        """Pull it again and again."""

        def client(_: int, tally: Tally) -> None:
            with registry.connect(REPOSITORY) as connection:
                end = time.perf_counter() + seconds
                while (start := time.perf_counter()) < end:
                    answer = connection.request("GET", self._path()).expect(200)
                    tally.note(time.perf_counter() - start, answer.size)

        return measure_clients(registry, 1, client, by_bytes=True)


class ParallelRanges(_Large):
    """containerd's way with a large layer: parts of it side by side."""

    name = "ranges of 16 MiB, 4 in parallel"

    def measure(self, registry: Running, seconds: float) -> Result:
        """Pull the layer part by part, again and again."""
        part, path = 16 * MIB, self._path()

        writer = Writer(registry.headers(REPOSITORY))

        def client(number: int, tally: Tally) -> Client:
            end = time.perf_counter() + seconds
            for position in count(number * part, 4 * part):
                start = time.perf_counter()
                if start >= end:
                    return
                answer = yield _get_range(writer, path, position % self.size, part)
                answer.expect(206)
                tally.note(time.perf_counter() - start, answer.size)

        return measure_generated(registry, 4, client, by_bytes=True)


class LazyRanges(_Large):
    """eStargz's and SOCI's way: small parts from anywhere, as files are read."""

    name = "random ranges of 64 KiB to 1 MiB, 8 clients"
    unit = "requests/s"
    per = REQUESTS

    def measure(self, registry: Running, seconds: float) -> Result:
        """Ask for random parts."""
        path = self._path()

        writer = Writer(registry.headers(REPOSITORY))

        def client(number: int, tally: Tally) -> Client:
            rng = random.Random(number)
            end = time.perf_counter() + seconds
            while (start := time.perf_counter()) < end:
                size = rng.randint(64 * 1024, MIB)
                answer = yield _get_range(writer, path, rng.randrange(self.size - size), size)
                answer.expect(206)
                tally.note(time.perf_counter() - start)

        return measure_generated(registry, 8, client, by_bytes=False)


class ColdPull:
    """A client that has nothing pulls an image: tag, index, manifest; blobs, three at a time."""

    name = "pull of an image with 8 layers (9 MB)"
    unit = "images/s"
    per = "1,000 images"
    _repository = "library/cold"

    def __init__(self) -> None:
        rng = random.Random(4)
        sizes = [300, 5_000, 40_000, 120_000, 500_000, 900_000, 2_500_000, 5_000_000]
        self._images = [image(rng, sizes), image(rng, [1000])]
        self._index = index(self._images)

    def prepare(self, registry: Running) -> None:
        """Push it, for two platforms."""
        with registry.connect(self._repository) as connection:
            for pushed in self._images:
                push_image(connection, self._repository, pushed.manifest.digest, pushed)
            body = self._index.body
            push_manifest(connection, self._repository, "latest", body, INDEX)

    def measure(self, registry: Running, seconds: float) -> Result:
        """Pull it again and again."""
        local = threading.local()

        def connection() -> Connection:
            if not hasattr(local, "connection"):
                local.connection = registry.connect(self._repository)
            kept: Connection = local.connection
            return kept

        def get(path: str) -> None:
            url = f"/v2/{self._repository}/{path}"
            connection().request("GET", url, headers=ACCEPT).expect(200)

        def client(_: int, tally: Tally) -> None:
            with ThreadPoolExecutor(3) as pool:
                end = time.perf_counter() + seconds
                while (start := time.perf_counter()) < end:
                    url = f"/v2/{self._repository}/manifests/latest"
                    connection().request("HEAD", url, headers=ACCEPT).expect(200)
                    pulled: Image = self._images[0]
                    get(f"manifests/{self._index.digest}")
                    get(f"manifests/{pulled.manifest.digest}")
                    list(pool.map(get, [f"blobs/{blob.digest}" for blob in pulled.blobs]))
                    tally.note(time.perf_counter() - start)

        return measure_clients(registry, 1, client, by_bytes=False)


def _get_range(writer: Writer, path: str, first: int, size: int) -> Request:
    return writer.get(path, f"Range: bytes={first}-{first + size - 1}\r\n")

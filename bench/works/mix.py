"""The requests of a real registry: "ibm17-mix", after the trace that IBM's registry left in 2017.

Of 40.9 million requests 79 % were GET, 11 % HEAD, 5.2 % PUT, 2.9 % POST, 1.9 % PATCH; 31 % were
GETs of blobs, a third of the POSTs were mounts (Anwar et al., FAST'18, recomputed from the
published trace). How manifest requests split into tags and digests, and how many ask with
`If-None-Match`, the trace does not tell: assumed. Blobs have an eighth of the trace's sizes, 128 MB
at most, so that one machine can hold them.
"""

import os
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate
from typing import Any

from bench.content import (
    ACCEPT,
    MIB,
    SALT,
    Blob,
    Image,
    image,
    layer_size,
    push_blob,
    push_image,
    push_manifest,
)
from bench.http import Answer, Connection
from bench.running import Running
from bench.works.base import REQUESTS, Result, Tally, measure_clients

SCALE = 1 / 8
LARGEST = 128_000_000
IMAGES = 120
REPOSITORIES = 20
# Repositories that blobs are mounted into.
MOUNTS = 20
# Connections of the open loop: more than requests that are ever under way.
OPEN_CONNECTIONS = 64


@dataclass(frozen=True)
class Dataset:
    """What is in the registry before the requests start.

    Attributes:
        images: with their repositories; the first are asked for most.
        weights: how often, for each, with all before it.
    """

    images: list[tuple[str, Image]] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)


@cache
def dataset() -> Dataset:
    """The same images in every run."""
    rng = random.Random(17)
    made = Dataset()
    for number in range(IMAGES):
        count = max(1, min(30, round(rng.lognormvariate(1.1, 0.6))))
        sizes = [min(LARGEST, layer_size(rng, SCALE)) for _ in range(count)]
        made.images.append((_repository(number % REPOSITORIES), image(rng, sizes)))
        # Zipf: the n-th is asked for an n-th as often as the first.
        made.weights.append(sum(made.weights[-1:]) + 1 / (number + 1))
    return made


class _TimedConnection(Connection):
    """Notes how long each request took, from when it was due if that was earlier than it was sent.

    A server that stalls holds up requests that are not even sent; they count as late as well.
    """

    def __init__(self, registry: Running, tally: Tally) -> None:
        super().__init__(registry.port, registry.headers)
        self._tally = tally
        self.due: float | None = None

    def request(self, *args: Any, **kwargs: Any) -> Answer:
        """See `Connection.request`."""
        start, self.due = self.due or time.perf_counter(), None
        answer = super().request(*args, **kwargs)
        self._tally.note(time.perf_counter() - start)
        return answer


class _Client:
    """Does one thing after the other, each at random."""

    def __init__(self, connection: Connection, seed: int) -> None:
        self._connection = connection
        self._rng = random.Random(seed)
        self._dataset = dataset()
        self._kinds: list[Callable[[], None]] = []
        shares: list[float] = []
        for kind, share in (
            (self._get_manifest, 48.0),
            (self._get_blob, 31.0),
            (self._head_manifest, 11.0 * 0.45),
            (self._head_blob, 11.0 * 0.275),
            (self._head_missing, 11.0 * 0.275),
            (self._push_manifest, 3.3),
            (self._push_blob, 1.9),
            (self._mount, 1.0),
        ):
            self._kinds.append(kind)
            shares.append(share)
        self._shares = list(accumulate(shares))

    def step(self) -> None:
        """Do one thing: one request, or the three of a push."""
        (kind,) = self._rng.choices(self._kinds, cum_weights=self._shares)
        kind()

    def _image(self) -> tuple[str, Image]:
        (chosen,) = self._rng.choices(self._dataset.images, cum_weights=self._dataset.weights)
        return chosen

    def _get_manifest(self) -> None:
        repository, chosen = self._image()
        digest = chosen.manifest.digest
        reference = _tag(chosen) if self._rng.random() < 0.7 else digest
        fresh = {"If-None-Match": f'"{digest}"'} if self._rng.random() < 0.1 else {}
        path = f"/v2/{repository}/manifests/{reference}"
        self._connection.request("GET", path, headers={**ACCEPT, **fresh}).expect(200, 304)

    def _head_manifest(self) -> None:
        repository, chosen = self._image()
        path = f"/v2/{repository}/manifests/{_tag(chosen)}"
        self._connection.request("HEAD", path, headers=ACCEPT).expect(200)

    def _get_blob(self) -> None:
        repository, chosen = self._image()
        path = f"/v2/{repository}/blobs/{self._rng.choice(chosen.blobs).digest}"
        self._connection.request("GET", path).expect(200)

    def _head_blob(self) -> None:
        repository, chosen = self._image()
        path = f"/v2/{repository}/blobs/{self._rng.choice(chosen.blobs).digest}"
        self._connection.request("HEAD", path).expect(200)

    def _head_missing(self) -> None:
        repository, _ = self._image()
        path = f"/v2/{repository}/blobs/sha256:{self._rng.randbytes(32).hex()}"
        self._connection.request("HEAD", path).expect(404)

    def _push_blob(self) -> None:
        repository, _ = self._image()
        size = min(LARGEST, layer_size(self._rng, SCALE))
        blob = Blob.of(os.urandom(SALT) + _filler()[: size - SALT])
        push_blob(self._connection, repository, blob.digest, blob.body)

    def _mount(self) -> None:
        source, chosen = self._image()
        digest = self._rng.choice(chosen.blobs).digest
        target = _mounts(self._rng.randrange(MOUNTS))
        path = f"/v2/{target}/blobs/uploads/?mount={digest}&from={source}"
        self._connection.request("POST", path).expect(201)

    def _push_manifest(self) -> None:
        repository, chosen = self._image()
        tag = f"v{self._rng.randrange(1_000_000)}"
        push_manifest(self._connection, repository, tag, chosen.manifest.body)


def repositories() -> list[str]:
    """All that requests go to."""
    return [_repository(n) for n in range(REPOSITORIES)] + [_mounts(n) for n in range(MOUNTS)]


def _repository(number: int) -> str:
    return f"mix/repository-{number:02}"


def _mounts(number: int) -> str:
    return f"mix/mounts-{number:02}"


def _prepare(registry: Running) -> None:
    """Push the images, unless another of these works did."""
    with registry.connect() as connection:
        repository, last = dataset().images[-1]
        path = f"/v2/{repository}/manifests/{_tag(last)}"
        if connection.request("HEAD", path, headers=ACCEPT).status == 200:
            return
        for repository, made in dataset().images:
            push_image(connection, repository, _tag(made), made)


class MixClosed:
    """As fast as the registry answers."""

    unit = "requests/s"
    per = REQUESTS

    def __init__(self, connections: int) -> None:
        self.name = f"mix, {connections} connections"
        self._connections = connections

    def prepare(self, registry: Running) -> None:
        """Push the images."""
        _prepare(registry)

    def measure(self, registry: Running, seconds: float) -> Result:
        """Each connection asks again as soon as it was answered."""

        def run(number: int, tally: Tally) -> None:
            with _TimedConnection(registry, tally) as connection:
                client = _Client(connection, time.time_ns() + number)
                end = time.perf_counter() + seconds
                while time.perf_counter() < end:
                    client.step()

        return measure_clients(registry, self._connections, run, by_bytes=False)


class MixOpen:
    """At a fixed rate, whether the registry keeps up or not: what latency is at that rate."""

    unit = "requests/s"
    per = REQUESTS

    def __init__(self, rate: int) -> None:
        self.name = f"mix, {rate} a second"
        self._rate = rate

    def prepare(self, registry: Running) -> None:
        """Push the images."""
        _prepare(registry)

    def measure(self, registry: Running, seconds: float) -> Result:
        """Requests are due at random times; a connection that is free takes the next."""
        due = _schedule(self._rate, seconds)
        start = time.perf_counter()

        def run(number: int, tally: Tally) -> None:
            with _TimedConnection(registry, tally) as connection:
                client = _Client(connection, time.time_ns() + number)
                for at in due:
                    connection.due = start + at
                    time.sleep(max(0.0, connection.due - time.perf_counter()))
                    client.step()

        return measure_clients(registry, OPEN_CONNECTIONS, run, by_bytes=False)


def _schedule(rate: int, seconds: float) -> Iterator[float]:
    """Times of arrival, in seconds from the start; threads share it."""
    rng = random.Random(rate)
    times, at = [], 0.0
    while at < seconds:
        times.append(at)
        at += rng.expovariate(rate)
    return iter(times)


def _tag(made: Image) -> str:
    return f"t{made.manifest.digest[-12:]}"


@cache
def _filler() -> bytes:
    return random.Random(23).randbytes(MIB) * (LARGEST // MIB + 1)

"""The requests of a real registry: "ibm17-mix", after the trace that IBM's registry left in 2017.

Of 40.9 million requests 79 % were GET, 11 % HEAD, 5.2 % PUT, 2.9 % POST, 1.9 % PATCH; 31 % were
GETs of blobs, a third of the POSTs were mounts (Anwar et al., FAST'18, recomputed from the
published trace). How manifest requests split into tags and digests, and how many ask with
`If-None-Match`, the trace does not tell: assumed. Blobs have an eighth of the trace's sizes, 128 MB
at most, so that one machine can hold them.
"""

import hashlib
import os
import random
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate

from bench.content import ACCEPT, MANIFEST, MIB, SALT, Image, image, layer_size, push_image
from bench.generator import Client, Pause
from bench.http import Connection, lines
from bench.running import Running
from bench.tally import Tally
from bench.wire import Answer, Part, Request, Writer

SCALE = 1 / 8
LARGEST = 128_000_000
IMAGES = 120
REPOSITORIES = 20
# Repositories that blobs are mounted into.
MOUNTS = 20
# Sizes that pushed blobs have, drawn once.
SIZES = 400

_ACCEPT = lines(ACCEPT)

_Steps = Generator[Request | Pause, Answer, None]
_Step = Generator[Request | Pause, Answer, Answer]


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


def headers(registry: Running) -> Mapping[str, str]:
    """What all requests have to bring along: they go to any of the repositories."""
    names = [*map(_repository, range(REPOSITORIES)), *map(_mounts, range(MOUNTS))]
    return registry.headers(*names)


def prepare(registry: Running) -> None:
    """Push the images, unless that was done; and make what clients push, before any time runs."""
    _beginnings()
    images = dataset().images
    with Connection(registry.port, headers(registry)) as connection:
        repository, last = images[-1]
        path = f"/v2/{repository}/manifests/{_tag(last)}"
        if connection.request("HEAD", path, headers=ACCEPT).status != 200:
            for repository, made in images:
                push_image(connection, repository, _tag(made), made)


class Mixture:
    """Does one thing after the other, each at random.

    Each request is noted with its time: from when it was due, if that was earlier than it was sent.
    A server that stalls holds up requests that are not even sent; they count as late as well.
    """

    def __init__(self, headers: Mapping[str, str], seed: int, tally: Tally) -> None:
        self._writer = Writer(headers)
        self._rng = random.Random(seed)
        self._tally = tally
        self._due: float | None = None
        self._dataset = dataset()
        self._kinds: list[Callable[[], _Steps]] = []
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

    def step(self, due: float | None = None) -> Client:
        """Do one thing: one request, or the three of a push."""
        self._due = due
        (kind,) = self._rng.choices(self._kinds, cum_weights=self._shares)
        return kind()

    def _ask(self, request: Request, *statuses: int) -> _Step:
        start, self._due = self._due or time.perf_counter(), None
        answer = yield request
        self._tally.note(time.perf_counter() - start)
        answer.expect(*statuses)
        return answer

    def _image(self) -> tuple[str, Image]:
        (chosen,) = self._rng.choices(self._dataset.images, cum_weights=self._dataset.weights)
        return chosen

    def _blob(self) -> str:
        repository, chosen = self._image()
        return f"/v2/{repository}/blobs/{self._rng.choice(chosen.blobs).digest}"

    def _get_manifest(self) -> _Steps:
        repository, chosen = self._image()
        digest = chosen.manifest.digest
        reference = _tag(chosen) if self._rng.random() < 0.7 else digest
        fresh = f'If-None-Match: "{digest}"\r\n' if self._rng.random() < 0.1 else ""
        path = f"/v2/{repository}/manifests/{reference}"
        yield from self._ask(self._writer.get(path, _ACCEPT + fresh), 200, 304)

    def _head_manifest(self) -> _Steps:
        repository, chosen = self._image()
        path = f"/v2/{repository}/manifests/{_tag(chosen)}"
        yield from self._ask(self._writer.head(path, _ACCEPT), 200)

    def _get_blob(self) -> _Steps:
        yield from self._ask(self._writer.get(self._blob()), 200)

    def _head_blob(self) -> _Steps:
        yield from self._ask(self._writer.head(self._blob()), 200)

    def _head_missing(self) -> _Steps:
        repository, _ = self._image()
        path = f"/v2/{repository}/blobs/sha256:{self._rng.randbytes(32).hex()}"
        yield from self._ask(self._writer.head(path), 404)

    def _push_blob(self) -> _Steps:
        repository, _ = self._image()
        digest, body = self._new_blob()
        path = f"/v2/{repository}/blobs/uploads/"
        started = yield from self._ask(self._writer.send("POST", path), 202)
        sent = yield from self._ask(self._writer.send("PATCH", started.location, *body), 202)
        yield from self._ask(self._writer.commit(sent.location, digest), 201)

    def _new_blob(self) -> tuple[str, tuple[Part, ...]]:
        """A digest and its bytes: what is worked out already, and some that are new."""
        size, hasher = self._rng.choice(_beginnings())
        salt = os.urandom(SALT)
        ended = hasher.copy()
        ended.update(salt)
        return f"sha256:{ended.hexdigest()}", (memoryview(_filler())[:size], salt)

    def _mount(self) -> _Steps:
        source, chosen = self._image()
        digest = self._rng.choice(chosen.blobs).digest
        target = _mounts(self._rng.randrange(MOUNTS))
        path = f"/v2/{target}/blobs/uploads/?mount={digest}&from={source}"
        yield from self._ask(self._writer.send("POST", path), 201)

    def _push_manifest(self) -> _Steps:
        repository, chosen = self._image()
        path = f"/v2/{repository}/manifests/v{self._rng.randrange(1_000_000)}"
        body, headers = chosen.manifest.body, f"Content-Type: {MANIFEST}\r\n"
        yield from self._ask(self._writer.send("PUT", path, body, headers=headers), 201)


def _repository(number: int) -> str:
    return f"mix/repository-{number:02}"


def _mounts(number: int) -> str:
    return f"mix/mounts-{number:02}"


def _tag(made: Image) -> str:
    return f"t{made.manifest.digest[-12:]}"


@cache
def _filler() -> bytes:
    return random.Random(23).randbytes(MIB) * (LARGEST // MIB + 1)


@cache
def _beginnings() -> list[tuple[int, "hashlib._Hash"]]:
    """All of a blob but the salt at its end: how many bytes of the filler, and their hash."""
    rng = random.Random(29)
    sizes = sorted(min(LARGEST, layer_size(rng, SCALE)) - SALT for _ in range(SIZES))
    found, hasher, hashed = [], hashlib.sha256(), 0
    filler = memoryview(_filler())
    for size in sizes:
        hasher.update(filler[hashed:size])
        hashed = size
        found.append((size, hasher.copy()))
    return found

"""Pushes: many small images, mounts."""

import os
import random
import time
from dataclasses import dataclass
from itertools import count

from bench.content import MANIFEST, Image, image, push_image
from bench.generator import Client
from bench.running import Running
from bench.tally import Tally
from bench.wire import Writer
from bench.works.base import Result, measure_generated
from bench.works.manifests import small_image

CLIENTS = 8
MOUNTED = "library/mounted"


class SmallImages:
    """Configuration, a layer of 20 kB, manifest: seven requests for each image."""

    name = f"push of small images, {CLIENTS} clients"
    unit = "images/s"
    per = "1,000 images"

    def prepare(self, registry: Running) -> None:
        """Nothing has to be there."""

    def measure(self, registry: Running, seconds: float) -> Result:
        """Push each into a repository of its own, with a token of its own if one is needed."""
        # More than any registry can take in the time, made before the time runs.
        rng, run = random.Random(os.urandom(16)), time.time_ns()
        images = round(150 * seconds) + 10
        made = [
            [_NewImage.make(registry, f"team{client}/{run}-{n}", rng) for n in range(images)]
            for client in range(CLIENTS)
        ]

        def client(number: int, tally: Tally) -> Client:
            end = time.perf_counter() + seconds
            for pushed in made[number]:
                start = time.perf_counter()
                if start >= end:
                    return
                yield from pushed.push()
                tally.note(time.perf_counter() - start)

        return measure_generated(registry, CLIENTS, client, by_bytes=False)


@dataclass(frozen=True, slots=True)
class _NewImage:
    repository: str
    image: Image
    writer: Writer

    @classmethod
    def make(cls, registry: Running, repository: str, rng: random.Random) -> "_NewImage":
        return cls(repository, image(rng, [20_000]), Writer(registry.headers(repository)))

    def push(self) -> Client:
        for blob in self.image.blobs:
            answer = yield self.writer.send("POST", f"/v2/{self.repository}/blobs/uploads/")
            answer.expect(202)
            answer = yield self.writer.send("PATCH", answer.location, blob.body)
            answer.expect(202)
            answer = yield self.writer.commit(answer.location, blob.digest)
            answer.expect(201)
        body, headers = self.image.manifest.body, f"Content-Type: {MANIFEST}\r\n"
        path = f"/v2/{self.repository}/manifests/latest"
        answer = yield self.writer.send("PUT", path, body, headers=headers)
        answer.expect(201)


class Mount:
    """A blob taken over from another repository: a third of the uploads of real registries.

    Not with tokens: each mount would need a new one.
    """

    name = "mount of a blob, 8 clients"
    unit = "mounts/s"
    per = "1,000 mounts"

    def prepare(self, registry: Running) -> None:
        """Push the blob that is mounted."""
        with registry.connect(MOUNTED) as connection:
            push_image(connection, MOUNTED, "latest", small_image())

    def measure(self, registry: Running, seconds: float) -> Result:
        """Mount it into ever new repositories."""
        digest = small_image().blobs[1].digest
        query = f"mount={digest}&from={MOUNTED}"
        writer = Writer({})

        def client(number: int, tally: Tally) -> Client:
            end = time.perf_counter() + seconds
            for turn in count():
                start = time.perf_counter()
                if start >= end:
                    return
                path = f"/v2/mounts{number}/{time.time_ns()}-{turn}/blobs/uploads/?{query}"
                answer = yield writer.send("POST", path)
                answer.expect(201)
                tally.note(time.perf_counter() - start)

        return measure_generated(registry, CLIENTS, client, by_bytes=False)

"""Pushes: large blobs, many small images, mounts."""

import os
import random
import time
from itertools import count

from bench.content import MIB, image, large_blob, push_blob, push_image
from bench.running import Running
from bench.works.base import BYTES, Result, Tally, measure_clients
from bench.works.manifests import small_image

CLIENTS = 8


class LargePush:
    """POST, one PATCH, PUT: as Docker pushes a layer."""

    name = "push of 256 MiB, 1 client"
    unit = "MB/s"
    per = BYTES
    _size = 256 * MIB

    def prepare(self, registry: Running) -> None:
        """Nothing has to be there."""

    def measure(self, registry: Running, seconds: float) -> Result:
        """Push blobs that the registry has not seen."""

        def client(_: int, tally: Tally) -> None:
            with registry.connect() as connection:
                end = time.perf_counter() + seconds
                while time.perf_counter() < end:
                    blob = large_blob(self._size, salt=os.urandom(16))
                    with blob.open() as body:
                        start = time.perf_counter()
                        push_blob(connection, "library/pushed", blob.digest, body)
                        tally.note(time.perf_counter() - start, self._size)

        return measure_clients(registry, 1, client, by_bytes=True)


class SmallImages:
    """Configuration, a layer of 20 kB, manifest: seven requests for each image."""

    name = f"push of small images, {CLIENTS} clients"
    unit = "images/s"
    per = "1,000 images"

    def prepare(self, registry: Running) -> None:
        """Nothing has to be there."""

    def measure(self, registry: Running, seconds: float) -> Result:
        """Push images into repositories that each client has for itself."""
        # More than any registry can take in the time, made before the time runs.
        rng = random.Random(os.urandom(16))
        made = [
            [image(rng, [20_000]) for _ in range(round(150 * seconds) + 10)] for _ in range(CLIENTS)
        ]

        def client(number: int, tally: Tally) -> None:
            with registry.connect() as connection:
                end = time.perf_counter() + seconds
                for pushed in made[number]:
                    start = time.perf_counter()
                    if start >= end:
                        return
                    repository = f"team{number}/{start:.6f}".replace(".", "-")
                    push_image(connection, repository, "latest", pushed)
                    tally.note(time.perf_counter() - start)

        return measure_clients(registry, CLIENTS, client, by_bytes=False)


class Mount:
    """A blob taken over from another repository: a third of the uploads of real registries."""

    name = "mount of a blob, 8 clients"
    unit = "mounts/s"
    per = "1,000 mounts"

    def prepare(self, registry: Running) -> None:
        """Push the blob that is mounted."""
        with registry.connect() as connection:
            push_image(connection, "library/mounted", "latest", small_image())

    def measure(self, registry: Running, seconds: float) -> Result:
        """Mount it into ever new repositories."""
        digest = small_image().blobs[1].digest
        query = f"mount={digest}&from=library/mounted"

        def client(number: int, tally: Tally) -> None:
            with registry.connect() as connection:
                end = time.perf_counter() + seconds
                for turn in count():
                    start = time.perf_counter()
                    if start >= end:
                        return
                    path = f"/v2/mounts{number}/{time.time_ns()}-{turn}/blobs/uploads/?{query}"
                    connection.request("POST", path).expect(201)
                    tally.note(time.perf_counter() - start)

        return measure_clients(registry, CLIENTS, client, by_bytes=False)

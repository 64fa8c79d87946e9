"""Manifests: what nearly half of a registry's requests ask for."""

import random
import time

from bench.content import ACCEPT, Image, image, push_image, push_manifest
from bench.generator import Client
from bench.http import lines
from bench.running import Running
from bench.tally import Tally
from bench.wire import Writer
from bench.works.base import REQUESTS, Result, measure_clients, measure_generated, measure_load
from bench.wrk import load

REPOSITORY = "library/app"
TAGGED = "library/tagged"


def small_image() -> Image:
    """The image that these works ask for: a configuration, a layer, a manifest."""
    return image(random.Random(1), [20_000])


class ManifestByTag:
    """GET by tag, sixteen clients."""

    name = "manifest by tag, 16 connections"
    unit = "requests/s"
    per = REQUESTS

    def prepare(self, registry: Running) -> None:
        """Push an image."""
        with registry.connect(REPOSITORY) as connection:
            push_image(connection, REPOSITORY, "latest", small_image())

    def measure(self, registry: Running, seconds: float) -> Result:
        """Ask for it."""
        headers = {**ACCEPT, **registry.headers(REPOSITORY)}
        return measure_load(
            registry,
            lambda: load(
                registry.port,
                f"/v2/{REPOSITORY}/manifests/{self._reference()}",
                connections=16,
                seconds=seconds,
                headers=headers,
            ),
        )

    def _reference(self) -> str:
        return "latest"


class ManifestByDigest(ManifestByTag):
    """GET by digest, sixteen clients."""

    name = "manifest by digest, 16 connections"

    def _reference(self) -> str:
        return small_image().manifest.digest


class ManifestHead(ManifestByTag):
    """HEAD by tag: the polite poll of update checkers. Not with wrk, which waits for a body."""

    name = "manifest HEAD by tag, 4 connections"

    def measure(self, registry: Running, seconds: float) -> Result:
        """Ask whether it is still the same."""
        path = f"/v2/{REPOSITORY}/manifests/latest"

        request = Writer(registry.headers(REPOSITORY)).head(path, lines(ACCEPT))

        def client(_: int, tally: Tally) -> Client:
            end = time.perf_counter() + seconds
            while (start := time.perf_counter()) < end:
                answer = yield request
                answer.expect(200)
                tally.note(time.perf_counter() - start)

        return measure_generated(registry, 4, client, by_bytes=False)


class TagPush:
    """The same manifest under ever new tags: what a tag costs."""

    name = "push of a tag, 1 client"
    unit = "tags/s"
    per = "1,000 tags"

    def prepare(self, registry: Running) -> None:
        """Push the image."""
        with registry.connect(TAGGED) as connection:
            push_image(connection, TAGGED, "latest", small_image())

    def measure(self, registry: Running, seconds: float) -> Result:
        """Push tags until the time is over."""
        manifest = small_image().manifest.body

        def client(_: int, tally: Tally) -> None:
            with registry.connect(TAGGED) as connection:
                end = time.perf_counter() + seconds
                while (start := time.perf_counter()) < end:
                    tag = f"t{time.time_ns()}"
                    push_manifest(connection, TAGGED, tag, manifest)
                    tally.note(time.perf_counter() - start)

        return measure_clients(registry, 1, client, by_bytes=False)

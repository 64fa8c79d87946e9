"""Lists: the tags of a repository, the repositories of the registry."""

import random
from collections.abc import Mapping

from bench.content import image, push_blob, push_image, push_manifest
from bench.running import Running
from bench.works.base import REQUESTS, Result, measure_load
from bench.works.manifests import small_image
from bench.wrk import load

TAGGED = "library/listed"
TAGS = 500
REPOSITORIES = 200


class TagsList:
    """The first hundred tags of five hundred."""

    name = f"tags list, n=100 of {TAGS}, 4 connections"
    unit = "requests/s"
    per = REQUESTS

    def prepare(self, registry: Running) -> None:
        """Push the tags."""
        with registry.connect(TAGGED) as connection:
            pushed = small_image()
            push_image(connection, TAGGED, "latest", pushed)
            for number in range(TAGS):
                push_manifest(connection, TAGGED, f"t{number:04}", pushed.manifest.body)

    def measure(self, registry: Running, seconds: float) -> Result:
        """Ask for the page."""
        path = f"/v2/{TAGGED}/tags/list?n=100"
        return _measure(registry, path, seconds, registry.headers(TAGGED))


class Catalog:
    """The first hundred repositories of two hundred and some."""

    name = f"catalog, n=100 of {REPOSITORIES}, 4 connections"
    unit = "requests/s"
    per = REQUESTS

    def prepare(self, registry: Running) -> None:
        """Push an image into each repository."""
        pushed = image(random.Random(2), [1000])
        for number in range(REPOSITORIES):
            repository = f"listed/repository-{number:03}"
            with registry.connect(repository) as connection:
                for blob in pushed.blobs:
                    push_blob(connection, repository, blob.digest, blob.body)
                push_manifest(connection, repository, "latest", pushed.manifest.body)

    def measure(self, registry: Running, seconds: float) -> Result:
        """Ask for the page."""
        path = "/v2/_catalog?n=100"
        return _measure(registry, path, seconds, registry.headers())


def _measure(registry: Running, path: str, seconds: float, headers: Mapping[str, str]) -> Result:
    return measure_load(
        registry,
        lambda: load(registry.port, path, connections=4, seconds=seconds, headers=headers),
    )

"""Acknowledged means durable: the power goes right after the answer, on a real file system."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.lading import lading_serve
from tests.support.power import PoweredVolume, powered_volume
from tests.support.pushes import Repository, digest_of, encode, image

pytestmark = pytest.mark.e2e

LAYER = b"layer" * 100_000
IMAGE = image(LAYER)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[PoweredVolume]:
    """A disk for the data, and for nothing else."""
    with powered_volume(tmp_path, megabytes=128) as disk:
        yield disk


@contextmanager
def on(disk: PoweredVolume, directory: Path) -> Iterator[Repository]:
    """Run a registry whose data is on the disk; give a repository of it."""
    settings = {"storage": {"filesystem": {"rootdirectory": str(disk.path / "data")}}}
    with lading_serve(directory, settings=settings) as registry:
        yield Repository(registry.client, "power/cut")


def test_what_was_acknowledged_survives_a_power_cut(disk: PoweredVolume, tmp_path: Path) -> None:
    """An upload in chunks and one in one request; a manifest and its tag."""
    with on(disk, tmp_path) as repository:
        location = repository.start_upload()
        assert repository.client.ask("PATCH", location, LAYER).status == 202
        answer = repository.client.ask("PUT", f"{location}?digest={digest_of(LAYER)}")
        assert answer.status == 201
        repository.push_blob(b"{}")
        repository.push_manifest(IMAGE, "latest")
        disk.cut_power()
    disk.restore_power()

    with on(disk, tmp_path) as repository:
        manifest = repository.ask("GET", "/manifests/latest")
        assert (manifest.status, manifest.body) == (200, encode(IMAGE))
        for blob in (LAYER, b"{}"):
            answer = repository.ask("GET", f"/blobs/{digest_of(blob)}")
            assert (answer.status, answer.body) == (200, blob)


def test_each_answer_is_durable_by_itself(disk: PoweredVolume, tmp_path: Path) -> None:
    """What comes after it need not sync it: the power goes after every single answer."""
    with on(disk, tmp_path) as repository:
        repository.push_blob(LAYER)
        disk.cut_power()
    disk.restore_power()
    with on(disk, tmp_path) as repository:
        answer = repository.ask("GET", f"/blobs/{digest_of(LAYER)}")
        assert (answer.status, answer.body) == (200, LAYER)
        repository.push_blob(b"{}")
        repository.push_manifest(IMAGE, "latest")
        disk.cut_power()
    disk.restore_power()
    with on(disk, tmp_path) as repository:
        digest = digest_of(encode(IMAGE))
        assert repository.ask("GET", "/manifests/latest").body == encode(IMAGE)
        assert repository.ask("DELETE", f"/manifests/{digest}").status == 202
        disk.cut_power()
    disk.restore_power()
    with on(disk, tmp_path) as repository:
        assert repository.ask("GET", "/manifests/latest").status == 404
        assert repository.ask("GET", f"/manifests/{digest}").status == 404


def test_a_registry_without_power_says_so(disk: PoweredVolume, tmp_path: Path) -> None:
    """As with a disk that fails: an error in the protocol's words, and no acknowledgement."""
    with on(disk, tmp_path) as repository:
        location = repository.start_upload()
        disk.cut_power()
        answer = repository.client.ask("PUT", f"{location}?digest={digest_of(LAYER)}", LAYER)
        assert answer.status in {500, 503}
        assert answer.codes
    disk.restore_power()

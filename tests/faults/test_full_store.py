"""An S3 server whose disk is full: pushes are told so, and nothing of them is half there."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.lading import Lading, lading_serve
from tests.support.pushes import Repository, digest_of
from tests.support.s3 import S3, SERVER, running_s3
from tests.support.volumes import small_volume

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(SERVER != "versitygw", reason="others give room away in volumes"),
]

MIB = 1024 * 1024
ROOM = 80 * MIB


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[S3]:
    """A server with little room."""
    with small_volume("ext4", tmp_path / "volume", size=ROOM) as volume:
        data = volume.path / "s3"
        data.mkdir()
        with running_s3(data=data) as server:
            yield server


@pytest.fixture
def registry(s3: S3, tmp_path: Path) -> Iterator[Lading]:
    """A registry in a bucket of it."""
    section = {**s3.settings, "localdirectory": str(tmp_path / "data")}
    storage = {"s3": section, "redirect": {"disable": True}}
    with lading_serve(tmp_path, settings={"storage": storage}) as registry:
        yield registry


@pytest.mark.parametrize("size", [9 * MIB, 20 * MIB], ids=["whole", "in parts"])
def test_a_push_is_whole_or_refused(registry: Lading, size: int) -> None:
    """What finds no room is as if it was never sent; what is smaller may find some."""
    hello = Repository(registry.client, "hello")
    pushed: list[bytes] = []
    while True:
        data, location = os.urandom(size), hello.start_upload()
        answer = registry.client.ask("PATCH", location, data)
        if answer.status != 202:
            break
        assert len(pushed) * size < ROOM
        assert registry.client.ask("PUT", f"{location}?digest={digest_of(data)}").status == 201
        pushed.append(data)
    assert answer.status == 507, answer
    assert "full" in answer.json["errors"][0]["message"]
    assert registry.client.ask("GET", location).headers["Range"] == "0-0"
    assert hello.ask("HEAD", f"/blobs/{digest_of(data)}").status == 404

    small = os.urandom(100)
    assert registry.client.ask("PATCH", location, small).status == 202
    assert registry.client.ask("PUT", f"{location}?digest={digest_of(small)}").status == 201
    for data in (*pushed, small):
        assert hello.ask("GET", f"/blobs/{digest_of(data)}").body == data
    assert "Traceback" not in registry.log.read_text()

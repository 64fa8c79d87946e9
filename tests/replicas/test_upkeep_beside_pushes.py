"""Upkeep by hand on two replicas at once, while clients push to both: nothing acknowledged goes."""

import os
import random
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.client import Answer, Client
from tests.support.lading import Lading
from tests.support.postgresql import PostgreSQL
from tests.support.pushes import OCI_MANIFEST, digest_of, encode, image
from tests.support.replicas import replicas
from tests.support.s3 import S3

pytestmark = pytest.mark.e2e

SECONDS = 15.0
PUSHERS = 4
# Some layers are several segments, of requests of their own.
SIZES = (100, 70_000, 300_000)
COLLECTING = {
    "maintenance": {"uploadpurging": {"age": "2s"}},
    "garbagecollect": {"enabled": False, "grace": "4s"},
    "delete": {"enabled": True},
}


@dataclass
class Pushing:
    """A client that pushes images to either replica, with what it was told that is there.

    Attributes:
        images: acknowledged manifests, by their tags.
        refused: answers of 4xx that a collection may lead to.
        wrong: answers that nothing excuses.
    """

    name: str
    clients: tuple[Client, Client]
    images: dict[str, bytes] = field(default_factory=dict)
    layers: dict[str, bytes] = field(default_factory=dict)
    refused: int = 0
    wrong: list[str] = field(default_factory=list)

    def run(self, until: float) -> None:
        """Push one image after the other."""
        number = 0
        while time.monotonic() < until:
            number += 1
            try:
                self._push(f"t{number}", os.urandom(random.choice(SIZES)))
            except OSError as error:
                self.wrong.append(repr(error))

    def _push(self, tag: str, layer: bytes) -> None:
        if not all(self._push_blob(data) for data in (b"{}", layer)):
            return
        body = encode(image(layer, annotations={"tag": self.name + tag}))
        status = self._ask("PUT", f"/manifests/{tag}", body, content_type=OCI_MANIFEST).status
        if status == 201:
            self.images[tag] = body
            self.layers[tag] = layer

    def _push_blob(self, data: bytes) -> bool:
        location = self._ask("POST", "/blobs/uploads/").headers["Location"]
        where = location.removeprefix(f"/v2/{self.name}")
        half = len(data) // 2
        for piece in (data[:half], data[half:]):
            if random.random() < 0.05:  # abandoned, or left for longer than uploads are kept
                time.sleep(random.choice([0, 3]))
                if random.random() < 0.5:
                    return False
            if self._ask("PATCH", where, piece).status != 202:
                return False
        return self._ask("PUT", f"{where}?digest={digest_of(data)}").status == 201

    def _ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        client = random.choice(self.clients)
        answer = client.ask(method, f"/v2/{self.name}{path}", body, **headers)
        if answer.status in {400, 404}:
            self.refused += 1
        elif answer.status >= 400:
            self.wrong.append(f"{method} {path}: {answer.line} {answer.body[:300]!r}")
        return answer


def look_after(registry: Lading, until: float, failed: list[str]) -> None:
    """Collect and repair again and again, as an operator may by hand."""
    while time.monotonic() < until:
        for words in (["garbage-collect", "--quiet"], ["verify", "--repair", "--checksums"]):
            done = registry.run(*words, check=False)
            if done.returncode:
                failed.append(f"{words}: {(done.stdout + done.stderr).decode()}")


def test_nothing_acknowledged_goes(s3: S3, postgresql: PostgreSQL, tmp_path: Path) -> None:
    """And in the end nothing is wrong."""
    shared: dict[str, dict[str, object]] = {
        "database": {"postgresql": {"url": postgresql.new_url()}},
        "storage": {"s3": s3.fresh().settings, "redirect": {"disable": True}, **COLLECTING},
    }
    with replicas(tmp_path, shared) as running:
        one, two = running.each
        pushers = [Pushing(f"team/app{n}", (one.client, two.client)) for n in range(PUSHERS)]
        failed: list[str] = []
        until = time.monotonic() + SECONDS
        threads = [
            *(threading.Thread(target=pusher.run, args=(until,)) for pusher in pushers),
            *(
                threading.Thread(target=look_after, args=(registry, until, failed))
                for registry in running.each
            ),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert not failed
        for pusher in pushers:
            assert not pusher.wrong
            assert pusher.images
            for tag, body in pusher.images.items():
                path = f"/v2/{pusher.name}"
                assert two.client.ask("GET", f"{path}/manifests/{tag}").body == body
                layer = pusher.layers[tag]
                assert one.client.ask("GET", f"{path}/blobs/{digest_of(layer)}").body == layer
        one.run("verify", "--checksums")
        for registry in running.each:
            said = registry.log.read_text()
            assert "Traceback" not in said, said

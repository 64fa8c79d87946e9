"""SIGKILL right after the answer: what was acknowledged is there when the server is back."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.lading import Lading, lading_serve
from tests.support.pushes import Repository, digest_of, encode, image

LAYER = bytes(300_000)


@contextmanager
def killed_at_the_end(directory: Path) -> Iterator[Lading]:
    """Run a registry for the length of the block, and then end all of its processes at once."""
    with lading_serve(directory) as registry:
        yield registry
        os.killpg(registry.pid, signal.SIGKILL)


def test_acknowledged_pushes_and_deletes_survive(tmp_path: Path) -> None:
    """Each of them, whatever the server was about to do next."""
    with killed_at_the_end(tmp_path) as registry:
        Repository(registry.client, "kill/push").push_blob(LAYER)
    with killed_at_the_end(tmp_path) as registry:
        repository = Repository(registry.client, "kill/push")
        assert repository.ask("GET", f"/blobs/{digest_of(LAYER)}").body == LAYER
        repository.push_image("v1")
        repository.push_manifest(image(LAYER), "v2")
    with killed_at_the_end(tmp_path) as registry:
        repository = Repository(registry.client, "kill/push")
        answer = repository.ask("GET", "/manifests/v2")
        assert answer.body == encode(image(LAYER))
        digest = digest_of(answer.body)
        assert repository.ask("DELETE", f"/manifests/{digest}").status == 202

    with lading_serve(tmp_path) as registry:
        repository = Repository(registry.client, "kill/push")
        assert repository.ask("GET", f"/manifests/{digest}").status == 404
        assert repository.ask("GET", "/tags/list").json["tags"] == ["v1"]


def test_an_upload_goes_on_after_a_kill(tmp_path: Path) -> None:
    """From what the server had taken, which it says."""
    with killed_at_the_end(tmp_path) as registry:
        repository = Repository(registry.client, "kill/upload")
        location = repository.start_upload()
        assert registry.client.ask("PATCH", location, LAYER[:1000]).status == 202
        with registry.client.connection() as connection:
            length = str(len(LAYER) - 1000)
            connection.request("PATCH", location, LAYER[1000:200_000], content_length=length)
    with lading_serve(tmp_path) as registry:
        status = registry.client.ask("GET", location)
        assert status.status == 204
        size = int(status.headers["Range"].removeprefix("0-")) + 1
        assert size >= 1000
        answer = registry.client.ask("PUT", f"{location}?digest={digest_of(LAYER)}", LAYER[size:])
        assert answer.status == 201

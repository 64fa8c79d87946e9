"""The application on servers that are not its own: it is plain ASGI, and needs nothing of ours.

One walk through the protocol; `make e2e` runs all of it on them.
"""

import json

import pytest

from tests.support.client import Client
from tests.support.pushes import Repository, digest_of, image
from tests.support.stock import COMMANDS

CHUNKS = [bytes([letter]) * 100_000 for letter in b"abc"]
LAYER = b"".join(CHUNKS)


@pytest.fixture(params=sorted(COMMANDS))
def other_server(request: pytest.FixtureRequest) -> Client:
    client: Client = request.getfixturevalue(request.param)
    return client


def test_an_image_is_pushed_pulled_and_deleted(other_server: Client) -> None:
    repository = Repository(other_server, "spec/other-servers")
    repository.push_blob(b"{}")
    location = repository.start_upload()
    at = 0
    for chunk in CHUNKS:
        span = f"{at}-{at + len(chunk) - 1}"
        answer = other_server.ask("PATCH", location, chunk, content_range=span)
        assert answer.status == 202, answer
        location, at = answer.headers["Location"], at + len(chunk)
    layer = digest_of(LAYER)
    answer = other_server.ask("PUT", f"{location}?digest={layer}")
    assert answer.status == 201, answer

    digest = repository.push_manifest(image(LAYER), "v1")
    pulled = repository.ask("GET", "/manifests/v1")
    assert pulled.headers["Docker-Content-Digest"] == digest_of(pulled.body) == digest
    assert json.loads(pulled.body) == image(LAYER)
    assert repository.ask("GET", f"/blobs/{layer}").body == LAYER
    assert repository.ask("HEAD", f"/blobs/{layer}").headers["Content-Length"] == str(len(LAYER))
    part = repository.ask("GET", f"/blobs/{layer}", range="bytes=99999-100000")
    assert (part.status, part.body) == (206, b"ab")

    assert repository.ask("DELETE", f"/manifests/{digest}").status == 202
    gone = repository.ask("GET", "/manifests/v1")
    assert (gone.status, gone.codes) == (404, ["MANIFEST_UNKNOWN"])


def test_a_body_in_chunks_is_a_blob(other_server: Client) -> None:
    """Whose length nobody has announced (RFC 9112, 7.1)."""
    repository = Repository(other_server, "spec/other-servers")
    location = repository.start_upload()
    assert other_server.ask("PATCH", location, CHUNKS).status == 202
    assert other_server.ask("PUT", f"{location}?digest={digest_of(LAYER)}").status == 201


def test_a_wrong_digest_is_told(other_server: Client) -> None:
    repository = Repository(other_server, "spec/other-servers")
    answer = other_server.ask(
        "PUT", f"{repository.start_upload()}?digest={digest_of(b'other')}", LAYER
    )
    assert (answer.status, answer.codes) == (400, ["DIGEST_INVALID"])

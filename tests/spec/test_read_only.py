"""A registry in read-only mode serves what it has, and takes nothing."""

from collections.abc import Iterator

import pytest

from tests.support.lading import Lading, lading_serve
from tests.support.pushes import Repository, encode, image
from tests.support.routes import WRITING
from tests.support.store import contents


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lading]:
    """A registry to which something was pushed before it became read-only."""
    directory = tmp_path_factory.mktemp("read-only")
    with lading_serve(directory) as registry:
        Repository(registry.client, "a/b").push_image("latest")
    with lading_serve(
        directory, env={"REGISTRY_STORAGE_MAINTENANCE_READONLY": "{enabled: true}"}
    ) as registry:
        yield registry


@pytest.mark.parametrize(("method", "path"), WRITING)
def test_each_request_that_writes_is_refused(frozen: Lading, method: str, path: str) -> None:
    """In the API's words, before its body is read, and nothing changes."""
    before = contents(frozen.root)
    with frozen.client.connection() as connection:
        connection.request(method, path, content_length="10", expect="100-continue")
        answer = connection.receive()

    assert answer.status == 405
    assert answer.codes == ["UNSUPPORTED"]
    assert "read-only" in answer.json["errors"][0]["message"]
    # What is left of the methods of the path; an upload is only ever begun at its own.
    begins = path.partition("?")[0].endswith("/uploads/")
    assert answer.headers["Allow"] == ("OPTIONS" if begins else "GET, HEAD, OPTIONS")
    for other in ("OPTIONS", "TRACE"):
        assert frozen.client.ask(other, path).headers["Allow"] == answer.headers["Allow"]
    assert contents(frozen.root) == before


def test_everything_can_still_be_read(frozen: Lading) -> None:
    repository = Repository(frozen.client, "a/b")
    manifest = repository.ask("GET", "/manifests/latest")

    assert manifest.body == encode(image())
    blob = repository.ask("GET", f"/blobs/{manifest.json['config']['digest']}")
    assert blob.body == b"{}"
    assert repository.ask("HEAD", f"/blobs/{manifest.json['config']['digest']}").status == 200
    assert repository.ask("GET", "/tags/list").json["tags"] == ["latest"]
    assert frozen.client.ask("GET", "/v2/_catalog").json["repositories"] == ["a/b"]

"""What the API does not have is said in its own words, too."""

import pytest

from tests.support.client import Client
from tests.support.routes import DIGEST, PATHS

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "PROPFIND")


@pytest.mark.parametrize(
    "path",
    [
        "/v2/a",
        "/v2/a/b/tags",
        "/v2/a/b/manifests",
        "/v2/a/b/blobs",
        "/v2/tags/list",
        "/v2/a/b/signatures/x",
        "/V2/",
        "/v1/_ping",
        "/favicon.ico",
        "/v2/../v2/",
        "/v2/_catalog/x",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_an_unknown_path_is_not_found(client: Client, method: str, path: str) -> None:
    """Never with HTML, which breaks `docker pull`."""
    answer = client.ask(method, path)

    assert answer.status == 404
    assert answer.headers["Content-Type"] == "application/json"
    if method != "HEAD":
        assert answer.codes == ["UNSUPPORTED"]


# Which is there where tokens are issued only.
TOKEN = "/token"


@pytest.mark.parametrize("path", [path for path in PATHS if path != TOKEN])
@pytest.mark.parametrize("method", METHODS)
def test_a_method_that_a_path_does_not_have_is_refused(
    client: Client, method: str, path: str
) -> None:
    """With those that it has."""
    allowed = client.ask("OPTIONS", path).headers["Allow"].split(", ")
    if method in allowed:
        return
    answer = client.ask(method, path)

    assert answer.status == 405
    assert answer.headers["Allow"].split(", ") == allowed
    if method != "HEAD":
        assert answer.codes == ["UNSUPPORTED"]


@pytest.mark.parametrize("path", [path for path in PATHS if path != TOKEN])
def test_trace_is_refused(direct: Client, path: str) -> None:
    answer = direct.ask("TRACE", path)

    assert answer.status == 405
    assert "TRACE" not in answer.headers["Allow"]
    assert answer.codes == ["UNSUPPORTED"]


@pytest.mark.parametrize("path", [*PATHS, "/v2/unknown", "/elsewhere"])
def test_options_of_anything_are_told(client: Client, path: str) -> None:
    """A browser asks for them before it asks; an error would hide what comes next from its page."""
    _assert_options_are_told(client, path)


def test_options_of_the_server_are_told(direct: Client) -> None:
    """`*` is the server itself (RFC 9110, 9.3.7)."""
    _assert_options_are_told(direct, "*")


def _assert_options_are_told(client: Client, path: str) -> None:
    answer = client.ask("OPTIONS", path)

    assert answer.status == 204
    assert "OPTIONS" in answer.headers["Allow"]
    assert answer.body == b""


@pytest.mark.parametrize(
    "name",
    [
        "a/blobs/b",
        "a/manifests",
        "manifests/manifests",
        "blobs/uploads",
        "tags/list",
        "a/tags/list",
    ],
)
def test_a_repository_may_be_called_like_a_part_of_the_api(client: Client, name: str) -> None:
    """Paths are read from their end: "<name>" may hold `/blobs/` or `/manifests/` itself."""
    assert client.ask("GET", f"/v2/{name}/manifests/x").codes == ["NAME_UNKNOWN"]
    assert client.ask("GET", f"/v2/{name}/tags/list").codes == ["NAME_UNKNOWN"]
    assert client.ask("GET", f"/v2/{name}/blobs/{DIGEST}").codes == ["BLOB_UNKNOWN"]
    assert client.ask("GET", f"/v2/{name}/referrers/{DIGEST}").status == 200
    location = client.ask("POST", f"/v2/{name}/blobs/uploads/").headers["Location"]
    assert client.ask("GET", location).status == 204
    assert client.ask("DELETE", location).status == 204

"""Paths with a slash too many, as mirrors that are configured by `https://host/` send them."""

from urllib.parse import quote

import pytest

from tests.support.client import Client
from tests.support.pushes import Repository


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("//v2/", "/v2/"),
        ("/v2//", "/v2/"),
        ("/v2//_catalog?n=5", "/v2/_catalog?n=5"),
        ("/v2/_catalog/", "/v2/_catalog"),
        ("//v2/{name}/manifests/latest", "/v2/{name}/manifests/latest"),
        ("/v2/{name}/manifests//latest", "/v2/{name}/manifests/latest"),
        ("/v2/{name}/manifests/latest/", "/v2/{name}/manifests/latest"),
        ("/v2//{name}//tags///list//?n=1&last=a//b", "/v2/{name}/tags/list?n=1&last=a//b"),
        ("/v2/{name}%2F/tags/list", "/v2/{name}/tags/list"),
        ("/v2//{name}/blobs/uploads//", "/v2/{name}/blobs/uploads/"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_it_is_sent_on(client: Client, method: str, path: str, place: str) -> None:
    """With its query, and its method: a push that became a GET would do nothing, and say 200."""
    answer = client.ask(method, path.format(name="team/app"))

    assert answer.status == (308 if method == "PUT" else 301)
    assert answer.headers["Location"] == place.format(name="team/app")
    assert answer.body == b""


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example/",
        "//evil.example/v2/",
        "//evil.example//v2//_catalog",
        "/%2Fevil.example/v2/",
        "///",
        "/x/v2/",
        "/v2/../v2//",
        "/v2//.%2e/_catalog/",
    ],
)
def test_nobody_is_sent_elsewhere(client: Client, path: str) -> None:
    location = client.ask("GET", path).headers["Location"] or "/"

    assert location.startswith("/")
    assert not location.startswith("//")
    assert "evil" not in location


@pytest.mark.parametrize(
    "path",
    [
        "/v2//..//..//logout/tags/list",
        "/v2//./a/tags/list",
        "/v2/..//x/manifests/y",
        "/v2/%2e%2e//x/manifests/y",
        "/v2//a/../b/blobs/uploads/",
        "/v2//a/manifests/..",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nobody_is_sent_upwards(client: Client, method: str, path: str) -> None:
    """Clients resolve such segments before they ask, and would leave the registry."""
    answer = client.ask(method, path)

    assert answer.status in {400, 404, 405}
    assert answer.headers["Location"] is None


@pytest.mark.parametrize("path", ["/v2//", "/v2/_catalog/"])
def test_a_browser_that_asks_before_it_asks_is_not_sent_on(client: Client, path: str) -> None:
    """It would show its page a failure: such a request follows no redirect."""
    assert client.ask("OPTIONS", path).status == 204


def test_no_line_is_added_to_the_answer(client: Client) -> None:
    sign = quote("\r\nX-Evil: 1")

    answer = client.ask("GET", f"/v2//a{sign}/tags/list")

    assert answer.status in {301, 400}
    assert answer.headers["X-Evil"] is None


def test_what_was_sent_on_is_there(repository: Repository) -> None:
    digest = repository.push_image("latest")
    path = f"/{repository.path}//manifests/latest/"

    moved = repository.client.ask("GET", path)
    found = repository.client.ask("GET", moved.headers["Location"])

    assert found.headers["Docker-Content-Digest"] == digest

"""end-1: the base of the API, and what every answer carries."""

from pathlib import Path

import pytest

from tests.support.client import Answer, Client
from tests.support.lading import lading_serve
from tests.support.pushes import Repository


@pytest.mark.endpoint("end-1", "GET")
@pytest.mark.parametrize("path", ["/v2/", "/v2"])
def test_the_base_says_that_the_api_is_here(client: Client, path: str) -> None:
    """With or without the slash; clients take any other status for a registry of version 1."""
    answer = client.ask("GET", path)

    assert answer.status == 200
    assert answer.json == {}
    assert answer.headers["Content-Length"] == "2"


@pytest.mark.endpoint("end-1", "HEAD")
def test_the_base_can_be_asked_for_its_head(client: Client) -> None:
    answer = client.ask("HEAD", "/v2/")

    assert answer.status == 200
    assert answer.headers["Content-Length"] == "2"


@pytest.mark.endpoint("alive", "GET", "HEAD")
def test_the_root_says_that_the_process_answers(client: Client) -> None:
    """For load balancers and health checks, as CNCF Distribution does."""
    assert client.ask("GET", "/").status == 200
    assert client.ask("HEAD", "/").status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2/"),
        ("GET", "/v2/_catalog"),
        ("OPTIONS", "/v2/"),
        ("POST", "/v2/spec/headers/blobs/uploads/"),
        ("GET", "/v2/spec/headers/manifests/none"),
        ("GET", "/v2/BAD/tags/list"),
        ("GET", "/v2/nothing"),
        ("PUT", "/v2/"),
        ("GET", "/" + "x" * 20_000),
    ],
)
def test_every_answer_says_what_it_is_and_that_it_is_no_page(
    client: Client, method: str, path: str
) -> None:
    """Docker from 2014 on tells by the version that this is not a registry of the first one."""
    answer = client.ask(method, path)

    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    assert_no_page(answer)


def test_so_does_the_answer_to_what_is_no_method(direct: Client) -> None:
    """Which no application hears of."""
    answer = direct.ask("NONSENSE", "/v2/")

    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    assert_no_page(answer)


def test_a_page_that_somebody_pushed_does_nothing_in_a_browser(client: Client) -> None:
    """Whoever is lured to it gives it nothing: no script runs, no login is used."""
    repository = Repository(client, "app")
    digest = repository.push_blob(b"<script>fetch('/v2/')</script>")

    answer = repository.ask("GET", f"/blobs/{digest}")

    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert_no_page(answer)


def assert_no_page(answer: Answer) -> None:
    """A browser makes nothing of it, whatever it holds."""
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    policy = {text.strip() for text in answer.headers["Content-Security-Policy"].split(";")}
    assert policy == {"default-src 'none'", "frame-ancestors 'none'", "sandbox"}


def test_headers_of_the_operator_come_with_every_answer(tmp_path: Path) -> None:
    """In place of the registry's own of that name, however it is written, but not of a blob's."""
    environment = {
        "REGISTRY_HTTP_HEADERS": "{access-control-allow-origin: ['*'], X-TWO: [a, b],"
        " x-content-type-options: [mine], cache-control: [no-store]}"
    }
    with lading_serve(tmp_path, env=environment) as registry:
        repository = Repository(registry.client, "app")
        blob = f"{repository.path}/blobs/{repository.push_blob(b'kept for long')}"
        for method, path, caching in (
            ("GET", "/v2/", "no-store"),
            ("OPTIONS", "/v2/", "no-store"),
            ("GET", "/nothing", "no-store"),
            ("GET", blob, "max-age=31536000"),
        ):
            headers = registry.client.ask(method, path).headers
            assert headers["Access-Control-Allow-Origin"] == "*"
            assert headers["X-Two"] == "a, b"
            assert headers.get_all("X-Content-Type-Options") == ["mine"]
            assert headers.get_all("Cache-Control") == [caching]


def test_no_header_is_sent_twice(repository: Repository) -> None:
    """Two values of one header are read by some clients as one, by others as none."""
    digest = repository.push_image("latest")
    for path in (f"/manifests/{digest}", f"/blobs/{repository.push_blob(b'once')}"):
        names = [name.lower() for name in repository.ask("GET", path).headers]
        assert len(names) == len(set(names))

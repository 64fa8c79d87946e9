"""Docker's catalog: the repositories of the registry, in pages."""

from collections.abc import Iterator

import pytest

from tests.spec.test_tags import next_page
from tests.support.client import Client
from tests.support.lading import lading_serve
from tests.support.pushes import Repository

NAMES = ["a", "a-b", "a/b", "a/b/c", "b", "z_z"]


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A registry with these repositories, and with small limits."""
    limits = {"catalog": {"maxentries": 4}, "tags": {"maxtags": 2}}
    with lading_serve(tmp_path_factory.mktemp("catalog"), settings=limits) as registry:
        empty = registry.client.ask("GET", "/v2/_catalog")
        assert empty.body == b'{"repositories":[]}'
        for name in reversed(NAMES):
            repository = Repository(registry.client, name)
            for tag in ("1", "2", "3"):
                repository.push_image(tag)
        Repository(registry.client, "only/blobs").push_blob(b"no manifest")
        yield registry.client


@pytest.mark.endpoint("catalog", "GET", "HEAD")
def test_repositories_are_listed_in_byte_order_and_pages(full: Client) -> None:
    """A page has as many as asked for, or as the operator allows."""
    for query in ("", "?n=4", "?n=1", "?n=&last="):
        found: list[str] = []
        page: str | None = f"/v2/_catalog{query}"
        while page:
            answer = full.ask("GET", page)
            assert answer.status == 200
            assert answer.headers["Content-Type"] == "application/json"
            assert full.ask("HEAD", page).headers["Content-Length"] == str(len(answer.body))
            found += answer.json["repositories"]
            page = next_page(answer)
        assert found == NAMES


@pytest.mark.endpoint("catalog", "GET")
@pytest.mark.parametrize("size", [5, 100_000, 999_999_999])
def test_a_page_larger_than_allowed_is_cut(full: Client, size: int) -> None:
    """As a page of tags is: the rest is behind the `Link`, which asks for as many as allowed."""
    answer = full.ask("GET", f"/v2/_catalog?n={size}")

    assert answer.json["repositories"] == NAMES[:4]
    page = next_page(answer)
    assert page == f"/v2/_catalog?n=4&last={NAMES[3]}"
    assert full.ask("GET", page).json["repositories"] == NAMES[4:]


@pytest.mark.endpoint("catalog", "GET")
def test_a_page_of_nothing_is_empty(full: Client) -> None:
    answer = full.ask("GET", "/v2/_catalog?n=0")

    assert answer.body == b'{"repositories":[]}'
    assert next_page(answer) is None


@pytest.mark.endpoint("catalog", "GET")
@pytest.mark.parametrize(
    ("last", "expected"), [("a/b/c", ["b", "z_z"]), ("a/a", NAMES[2:]), ("zz", [])]
)
def test_the_catalog_goes_on_after_a_name(full: Client, last: str, expected: list[str]) -> None:
    assert full.ask("GET", f"/v2/_catalog?last={last}").json["repositories"] == expected[:4]


@pytest.mark.endpoint("end-8", "GET")
def test_a_page_of_tags_larger_than_allowed_is_cut(full: Client) -> None:
    """As specified: fewer than asked for only with a `Link` to the rest."""
    answer = full.ask("GET", "/v2/a/b/tags/list?n=3")

    assert answer.json["tags"] == ["1", "2"]
    page = next_page(answer)
    assert page
    assert full.ask("GET", page).json["tags"] == ["3"]


@pytest.mark.endpoint("end-8", "GET")
def test_who_asks_for_no_pages_gets_all_tags(full: Client) -> None:
    """However few the operator allows on a page: many programs do not know what a `Link` is."""
    for query in ("", "?n=", "?last="):
        answer = full.ask("GET", f"/v2/a/b/tags/list{query}")
        assert answer.json["tags"] == ["1", "2", "3"]
        assert next_page(answer) is None

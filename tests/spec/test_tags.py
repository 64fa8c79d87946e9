"""end-8: the tags of a repository, in pages."""

import re

import pytest

from tests.support.client import Answer, Client
from tests.support.pushes import Repository, image

# In byte order: digits, capitals, the underscore, small letters.
TAGS = ["1.0", "1.0.1", "10", "2", "Latest", "_x", "a-b", "a.b", "a_b", "latest"]


@pytest.fixture
def tagged(repository: Repository) -> Repository:
    """A repository with these tags, pushed in another order."""
    digest = repository.push_image()
    query = "&".join(f"tag={tag}" for tag in sorted(TAGS, key=lambda tag: tag[::-1]))
    assert repository.put_manifest(image(), f"{digest}?{query}").status == 201
    return repository


def next_page(answer: Answer) -> str | None:
    """Where the answer says that the next page is (RFC 8288)."""
    link = answer.headers["Link"]
    if link is None:
        return None
    match = re.fullmatch(r'<([^>]+)>; rel="next"', link)
    assert match, link
    return match.group(1)


@pytest.mark.endpoint("end-8", "GET")
def test_tags_are_listed_in_byte_order(tagged: Repository) -> None:
    """As specified: "lexical (case-insensitive …) or ASCIIbetical order"."""
    answer = tagged.ask("GET", "/tags/list")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json == {"name": tagged.name, "tags": TAGS}
    assert next_page(answer) is None


@pytest.mark.endpoint("end-8", "HEAD")
def test_a_list_can_be_asked_for_its_head(tagged: Repository) -> None:
    head = tagged.ask("HEAD", "/tags/list")

    assert head.status == 200
    length = len(tagged.ask("GET", "/tags/list").body)
    assert head.headers["Content-Length"] == str(length)


@pytest.mark.endpoint("end-8", "GET")
@pytest.mark.parametrize("size", [1, 3, 5, 9])
def test_pages_are_followed_to_the_end(client: Client, tagged: Repository, size: int) -> None:
    """Each of the size asked for but the last, and each tag once."""
    found: list[str] = []
    page: str | None = f"{tagged.path}/tags/list?n={size}"
    while page:
        answer = client.ask("GET", page)
        tags = answer.json["tags"]
        found += tags
        page = next_page(answer)
        assert len(tags) == size or page is None

    assert found == TAGS


@pytest.mark.endpoint("end-8", "GET")
@pytest.mark.parametrize("size", [10, 11, 1000, 999_999_999])
def test_a_page_that_holds_everything_is_the_last(tagged: Repository, size: int) -> None:
    answer = tagged.ask("GET", f"/tags/list?n={size}")

    assert answer.json["tags"] == TAGS
    assert next_page(answer) is None


@pytest.mark.endpoint("end-8", "GET")
def test_a_page_of_nothing_is_empty(tagged: Repository) -> None:
    """As specified: "MUST return an empty list, and MUST NOT include a Link header"."""
    answer = tagged.ask("GET", "/tags/list?n=0")

    assert answer.json["tags"] == []
    assert next_page(answer) is None


@pytest.mark.endpoint("end-8", "GET")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("last=latest", []),
        ("last=zzz", []),
        ("last=a-b", ["a.b", "a_b", "latest"]),
        ("last=a-a", ["a-b", "a.b", "a_b", "latest"]),
        ("last=Z&n=2", ["_x", "a-b"]),
        ("last=%00", TAGS),
        ("last=", TAGS),
        ("n=&last=", TAGS),
    ],
)
def test_a_list_goes_on_after_a_name(tagged: Repository, query: str, expected: list[str]) -> None:
    """Which need not be there, and is not in the list itself."""
    assert tagged.ask("GET", f"/tags/list?{query}").json["tags"] == expected


@pytest.mark.endpoint("end-8", "GET")
def test_a_repository_without_tags_has_an_empty_list(repository: Repository) -> None:
    """Never `null`, which breaks clients: neither before the first tag nor after the last."""
    repository.push_image()
    assert b'"tags":[]' in repository.ask("GET", "/tags/list").body
    repository.push_image("latest")
    repository.ask("DELETE", "/manifests/latest")

    assert b'"tags":[]' in repository.ask("GET", "/tags/list").body


@pytest.mark.endpoint("end-8", "GET")
def test_the_tags_of_an_unknown_repository_are_not_found(repository: Repository) -> None:
    """An upload does not make a repository; its first manifest does."""
    repository.push_blob(b"alone")

    answer = repository.ask("GET", "/tags/list")

    assert answer.status == 404
    assert answer.codes == ["NAME_UNKNOWN"]


@pytest.mark.endpoint("end-8", "GET")
@pytest.mark.parametrize("size", ["-1", "x", "1.5", "0x10", "1e3", "%D9%A3", "9999999999"])
def test_a_size_that_is_no_number_is_refused(tagged: Repository, size: str) -> None:
    answer = tagged.ask("GET", f"/tags/list?n={size}")

    assert answer.status == 400
    assert answer.codes == ["PAGINATION_NUMBER_INVALID"]

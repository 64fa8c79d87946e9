"""What a caller may not pull is in no list, and nothing can be mounted from there."""

import urllib.parse
from collections.abc import Mapping

import pytest

from tests.support.client import Answer
from tests.support.guarded import Guarded, basic
from tests.support.pushes import digest_of, encode, image

NAMES = ("other/a", "other/z", "public/a", "team/a", "team/b", "team/c", "zoo")
# One letter away from a name that a rule is about.
NEIGHBOURS = ("te", "team-x/a", "teams/a", "tea/m")
BLOB = b"of nobody else"


def headers(user: str) -> Mapping[str, str]:
    """What a user sends; nobody sends nothing."""
    return {"authorization": basic(user)} if user else {}


def push(guarded: Guarded, name: str, blob: bytes) -> None:
    """Push an image as somebody who may push everywhere."""
    document = image(blob)
    admin = headers("admin")
    for content in (b"{}", blob):
        path = f"/v2/{name}/blobs/uploads/?digest={digest_of(content)}"
        assert guarded.client.ask("POST", path, content, **admin).status == 201
    path = f"/v2/{name}/manifests/latest"
    kind = {"content_type": document["mediaType"], **admin}
    assert guarded.client.ask("PUT", path, encode(document), **kind).status == 201


@pytest.fixture(scope="module")
def registry(guarded: Guarded) -> Guarded:
    """With repositories of several people."""
    for name in (*NAMES, *NEIGHBOURS):
        push(guarded, name, f"of {name}".encode())
    push(guarded, "other/secret", BLOB)
    return guarded


def catalog(guarded: Guarded, user: str, limit: int) -> list[str]:
    """All pages of the catalog, as a client follows them."""
    found: list[str] = []
    path = f"/v2/_catalog?n={limit}"
    while path:
        answer = guarded.client.ask("GET", path, b"", **headers(user))
        assert answer.status == 200, answer
        page = answer.json["repositories"]
        assert len(page) <= limit
        found += page
        link = answer.headers["Link"]
        path = "" if link is None else link[1 : link.index(">")]
        # What follows must be asked for by a name that the caller has seen.
        if path:
            [last] = urllib.parse.parse_qs(path.partition("?")[2])["last"]
            assert last == page[-1]
    return found


@pytest.mark.parametrize("limit", [1, 2, 100])
@pytest.mark.parametrize(
    ("user", "prefixes"),
    [
        ("", ("public/",)),
        ("reader", ("public/", "team/")),
        ("outsider", ("other/", "public/")),
        ("admin", ("",)),
    ],
)
def test_the_catalog_shows_what_may_be_pulled(
    registry: Guarded, user: str, prefixes: tuple[str, ...], limit: int
) -> None:
    """On every page, in order, and nothing twice; no link tells of more."""
    everything = catalog(registry, "admin", 100)
    assert set(NAMES) | set(NEIGHBOURS) <= set(everything)
    assert catalog(registry, user, limit) == [
        name for name in everything if name.startswith(prefixes)
    ]


def test_a_token_s_catalog(registry: Guarded) -> None:
    """What its user sees, whatever repositories the token is for; and nothing without the scope."""
    token = registry.token("reader", "registry:catalog:*", "repository:team/a:pull")
    answer = registry.client.ask("GET", "/v2/_catalog", authorization=f"Bearer {token}")
    assert answer.json["repositories"] == catalog(registry, "reader", 100)
    token = registry.token("reader", "repository:team/a:pull")
    answer = registry.client.ask("GET", "/v2/_catalog", authorization=f"Bearer {token}")
    assert answer.status == 401


def mount(guarded: Guarded, query: str, **header: str) -> Answer:
    """Ask for a blob that is in `other/secret` only."""
    path = f"/v2/team/target/blobs/uploads/?mount={digest_of(BLOB)}{query}"
    return guarded.client.ask("POST", path, b"", **header)


@pytest.mark.parametrize("query", ["", "&from=other/secret", "&from=other/missing"])
def test_nothing_is_mounted_from_what_may_not_be_pulled(registry: Guarded, query: str) -> None:
    """The answer is that to a blob which is not there, by name or from anywhere."""
    answer = mount(registry, query, **headers("writer"))
    assert answer.status == 202
    assert answer.headers["Docker-Content-Digest"] is None
    path = f"/v2/team/target/blobs/{digest_of(BLOB)}"
    assert registry.client.ask("HEAD", path, b"", **headers("writer")).status == 404


def test_a_token_must_be_good_for_the_source(registry: Guarded) -> None:
    """What its user may pull is not enough: it was issued for less."""
    target = "repository:team/target:pull,push"
    less = registry.token("admin", target)
    assert mount(registry, "&from=other/secret", authorization=f"Bearer {less}").status == 202
    enough = registry.token("admin", target, "repository:other/secret:pull")
    answer = mount(registry, "&from=other/secret", authorization=f"Bearer {enough}")
    assert answer.status == 201
    path = f"/v2/team/target/blobs/{digest_of(BLOB)}"
    assert registry.client.ask("DELETE", path, b"", **headers("admin")).status == 202


def test_who_may_pull_the_source_mounts(registry: Guarded) -> None:
    """With the source, or from anywhere."""
    for query in ("&from=other/secret", ""):
        assert mount(registry, query, **headers("admin")).status == 201
        path = f"/v2/team/target/blobs/{digest_of(BLOB)}"
        assert registry.client.ask("DELETE", path, b"", **headers("admin")).status == 202


def test_referrers_are_those_of_the_repository(registry: Guarded) -> None:
    """Nobody is shown them who may not pull there."""
    path = f"/v2/other/secret/referrers/{digest_of(BLOB)}"
    assert registry.client.ask("GET", path, b"", **headers("reader")).status == 403
    assert registry.client.ask("GET", path).status == 401
    assert registry.client.ask("GET", path, b"", **headers("outsider")).status == 200

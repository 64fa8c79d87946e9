"""Immutable tags, and the conditions of requests, as clients see them."""

from collections.abc import Iterator

import pytest

from tests.support.lading import lading_serve
from tests.support.pushes import Repository, digest_of, encode, image

RULES = {"immutable": [{"repositories": ["team/**"], "tags": ["v*"], "exclude": ["*-rc*"]}]}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    """A repository whose tags `v*` are immutable, but for release candidates."""
    with lading_serve(tmp_path_factory.mktemp("tags"), settings={"tags": RULES}) as registry:
        yield Repository(registry.client, "team/app")


@pytest.fixture
def repository(registry: Repository) -> Repository:
    """The same, with what both images need."""
    for blob in (b"{}", b"one", b"two"):
        registry.push_blob(blob)
    return registry


def test_an_immutable_tag_cannot_be_moved(repository: Repository) -> None:
    first = repository.push_manifest(image(b"one"), "v1")
    answer = repository.put_manifest(image(b"two"), "v1")
    assert answer.status == 409
    assert answer.codes == ["DENIED"]
    (error,) = answer.json["errors"]
    assert error["detail"] == {"tag": "v1", "digest": first}
    assert error["message"] == f"the tag v1 is immutable and points to {first}; push another tag"
    assert repository.put_manifest(image(b"one"), "v1").status == 201


def test_an_immutable_tag_cannot_be_deleted(repository: Repository) -> None:
    digest = repository.push_manifest(image(b"one"), "v2")
    for reference in ("v2", digest):
        answer = repository.ask("DELETE", f"/manifests/{reference}")
        assert (answer.status, answer.codes) == (409, ["DENIED"])
    assert repository.ask("GET", "/manifests/v2").body == encode(image(b"one"))


def test_an_excluded_tag_moves(repository: Repository) -> None:
    repository.push_manifest(image(b"one"), "v3-rc1")
    repository.push_manifest(image(b"two"), "v3-rc1")
    assert repository.ask("DELETE", "/manifests/v3-rc1").status == 202


def test_a_push_that_only_creates(repository: Repository) -> None:
    """`If-None-Match: *` (RFC 9110, 13.1.2), by tag, by digest, and for every `tag` parameter."""
    document = image(b"one", annotations={"about": "creation"})
    created = repository.put_manifest(document, "new", if_none_match="*")
    assert created.status == 201
    digest = created.headers["Docker-Content-Digest"]
    for reference in ("new", digest, "newer?tag=new"):
        again = repository.put_manifest(document, reference, if_none_match="*")
        assert (again.status, again.codes) == (412, ["DENIED"])
    assert repository.ask("GET", "/manifests/newer").status == 404
    assert repository.put_manifest(document, "new").status == 201


def test_what_changes_only_what_the_client_has_seen(repository: Repository) -> None:
    """`If-Match` (RFC 9110, 13.1.1), of pushes, pulls and deletions."""
    one = repository.push_manifest(image(b"one"), "latest")
    two = digest_of(encode(image(b"two")))

    for wrong in (f'"{two}"', f'W/"{one}"', ""):
        for method in ("GET", "HEAD", "DELETE"):
            assert repository.ask(method, "/manifests/latest", if_match=wrong).status == 412
        refused = repository.put_manifest(image(b"two"), "latest", if_match=wrong)
        assert (refused.status, refused.codes) == (412, ["DENIED"])
    assert repository.ask("DELETE", f"/manifests/{one}", if_match=f'"{two}"').status == 412
    absent = repository.put_manifest(image(b"two"), "absent", if_match="*")
    assert (absent.status, absent.codes) == (412, ["DENIED"])
    assert repository.ask("GET", "/manifests/latest").body == encode(image(b"one"))

    for right in (f'"{two}", "{one}"', one, "*"):
        assert repository.ask("GET", "/manifests/latest", if_match=right).status == 200
    moved = repository.put_manifest(image(b"two"), "latest", if_match=f'"{one}"')
    assert moved.status == 201
    assert repository.ask("DELETE", "/manifests/latest", if_match=f'"{one}"').status == 412
    assert repository.ask("DELETE", "/manifests/latest", if_match=f'"{two}"').status == 202


def test_conditions_of_blobs(repository: Repository) -> None:
    """Their content never changes, but a client may still have taken them for another one."""
    blob, other = repository.push_blob(b"blob"), digest_of(b"other")
    for method in ("GET", "HEAD", "DELETE"):
        assert repository.ask(method, f"/blobs/{blob}", if_match=f'"{other}"').status == 412
    assert repository.ask("GET", f"/blobs/{other}", if_match=f'"{blob}"').status == 404
    assert repository.ask("GET", f"/blobs/{blob}", if_match=f'"{blob}"').body == b"blob"

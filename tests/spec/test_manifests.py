"""end-3: manifests are read as they were pushed, by tag and by digest."""

import pytest

from tests.support.pushes import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_MANIFEST,
    Repository,
    digest_of,
    encode,
    image,
)

LAYER = b"a layer"


@pytest.fixture
def pushed(repository: Repository, algorithm: str) -> str:
    """The digest of an image that is tagged `latest`."""
    digest = repository.push_image("", LAYER, algorithm=algorithm)
    answer = repository.put_manifest(
        encode(image(LAYER, algorithm=algorithm)), digest + "?tag=latest"
    )
    assert answer.status == 201
    return digest


@pytest.mark.endpoint("end-3", "GET")
@pytest.mark.parametrize("by", ["tag", "digest"])
def test_a_manifest_is_read_byte_for_byte(
    repository: Repository, pushed: str, algorithm: str, by: str
) -> None:
    answer = repository.ask("GET", f"/manifests/{'latest' if by == 'tag' else pushed}")

    assert answer.status == 200
    assert answer.body == encode(image(LAYER, algorithm=algorithm))
    assert answer.headers["Content-Type"] == OCI_MANIFEST
    assert answer.headers["Content-Length"] == str(len(answer.body))
    assert answer.headers["Docker-Content-Digest"] == pushed == digest_of(answer.body, algorithm)
    assert answer.headers["ETag"] == f'"{pushed}"'


@pytest.mark.endpoint("end-3", "HEAD")
def test_the_head_of_a_manifest_says_all_but_the_bytes(repository: Repository, pushed: str) -> None:
    """crane relies on its type, its length and its digest."""
    for reference in ("latest", pushed):
        head = repository.ask("HEAD", f"/manifests/{reference}")
        get = repository.ask("GET", f"/manifests/{reference}")
        assert head.status == 200
        for answer in (head, get):
            del answer.headers["Date"], answer.headers["X-Request-ID"]
        assert sorted(head.headers.items()) == sorted(get.headers.items())


@pytest.mark.endpoint("end-3", "GET")
@pytest.mark.parametrize(
    "accept", ["", "*/*", DOCKER_MANIFEST, "text/html", f"{DOCKER_LIST};q=0.5, */*;q=0.1", "junk;;"]
)
def test_whatever_a_client_accepts_it_gets_what_was_pushed(
    repository: Repository, pushed: str, accept: str
) -> None:
    """A digest promises these bytes; a converted manifest would not have it."""
    answer = repository.ask("GET", "/manifests/latest", accept=accept)

    assert answer.status == 200
    assert answer.headers["Content-Type"] == OCI_MANIFEST
    assert answer.headers["Docker-Content-Digest"] == pushed


@pytest.mark.endpoint("end-3", "GET", "HEAD")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("form", ['"{}"', "{}"])
def test_a_client_that_has_the_manifest_gets_no_bytes(
    repository: Repository, method: str, form: str
) -> None:
    digest = repository.push_image("latest")

    for reference in ("latest", digest):
        answer = repository.ask(
            method, f"/manifests/{reference}", if_none_match=form.format(digest)
        )
        assert answer.status == 304
        assert answer.headers["Docker-Content-Digest"] == digest


@pytest.mark.endpoint("end-3", "GET", "HEAD")
@pytest.mark.parametrize("reference", ["none", digest_of(b"none"), digest_of(b"none", "sha512")])
def test_a_manifest_that_is_not_there_is_not_found(repository: Repository, reference: str) -> None:
    """In a repository that is there, and in one that never was."""
    unknown = repository.ask("GET", f"/manifests/{reference}")
    assert (unknown.status, unknown.codes) == (404, ["NAME_UNKNOWN"])
    repository.push_image("latest")

    answer = repository.ask("GET", f"/manifests/{reference}")

    assert (answer.status, answer.codes) == (404, ["MANIFEST_UNKNOWN"])
    assert repository.ask("HEAD", f"/manifests/{reference}").status == 404

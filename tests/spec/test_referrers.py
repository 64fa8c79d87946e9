"""end-12: which manifests are about another one."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from tests.spec.test_tags import next_page
from tests.support.client import Client
from tests.support.pushes import (
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    Repository,
    descriptor,
    digest_of,
    encode,
    image,
    index,
)

SBOM = "application/vnd.example.sbom.v1+json"
SIGNATURE = "application/vnd.example.signature+type;v=1"
SPACED = "application/vnd.example.signature+type; v=2"


def listed(document: Mapping[str, Any], algorithm: str = "sha256", **more: object) -> object:
    """A manifest as the list shows it."""
    return {**descriptor(encode(document), document["mediaType"], algorithm), **more}


@pytest.mark.endpoint("end-12", "GET", "HEAD")
def test_whatever_has_no_referrers_has_an_empty_list(
    repository: Repository, algorithm: str
) -> None:
    """Also in a repository that is not there; oras takes 404 for "not supported"."""
    path = f"/referrers/{digest_of(b'anything', algorithm)}"

    answer = repository.ask("GET", path)

    assert answer.status == 200
    assert answer.headers["Content-Type"] == OCI_INDEX
    assert answer.json == {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}
    assert "OCI-Filters-Applied" not in answer.headers
    assert repository.ask("HEAD", path).headers["Content-Length"] == str(len(answer.body))


@pytest.mark.endpoint("end-12", "GET")
def test_referrers_are_listed_with_type_and_annotations(
    repository: Repository, algorithm: str
) -> None:
    """The type is the manifest's own, else its config's, else there is none."""
    repository.push_image(algorithm=algorithm)
    subject = descriptor(encode(image(algorithm=algorithm)), OCI_MANIFEST, algorithm)
    sbom = image(algorithm=algorithm, subject=subject, artifactType=SBOM)
    plain = image(algorithm=algorithm, subject=subject, annotations={"a": "b", "é": ""})
    typed = index(algorithm=algorithm, subject=subject, artifactType=SIGNATURE)
    bare = index(algorithm=algorithm, subject=subject)
    for document in (sbom, plain, typed, bare):
        repository.push_manifest(document, algorithm=algorithm)
    repository.push_manifest(image(algorithm=algorithm, annotations={"about": "nothing"}))

    answer = repository.ask("GET", f"/referrers/{subject['digest']}")

    expected = [
        listed(sbom, algorithm, artifactType=SBOM),
        listed(plain, algorithm, artifactType=OCI_CONFIG, annotations={"a": "b", "é": ""}),
        listed(typed, algorithm, artifactType=SIGNATURE),
        listed(bare, algorithm),
    ]
    assert answer.status == 200
    assert answer.headers["Content-Type"] == OCI_INDEX
    by_digest = sorted(expected, key=str)
    assert sorted(answer.json["manifests"], key=str) == by_digest


@pytest.mark.endpoint("end-12", "GET")
@pytest.mark.parametrize(("kind", "count"), [(SBOM, 1), (SIGNATURE, 1), (SPACED, 1), ("a/b", 0)])
def test_referrers_are_filtered_by_their_type(
    repository: Repository, kind: str, count: int
) -> None:
    """And the answer says so."""
    repository.push_image()
    subject = descriptor(b"subject", OCI_MANIFEST)
    for each in (SBOM, SIGNATURE, SPACED):
        repository.push_manifest(image(subject=subject, artifactType=each))
    # As libraries write it, those of Go and of forms, too; and as people do.
    typed = kind.replace(";", "%3B").replace(" ", "%20")
    for value in (quote(kind, safe=""), quote(kind), quote_plus(kind), typed):
        answer = repository.ask("GET", f"/referrers/{subject['digest']}?artifactType={value}")

        assert answer.headers["OCI-Filters-Applied"] == "artifactType"
        assert [entry["artifactType"] for entry in answer.json["manifests"]] == [kind] * count


@pytest.mark.endpoint("end-12", "GET")
def test_an_empty_filter_is_none(repository: Repository) -> None:
    repository.push_image()
    subject = descriptor(b"subject", OCI_MANIFEST)
    repository.push_manifest(image(subject=subject))

    answer = repository.ask("GET", f"/referrers/{subject['digest']}?artifactType=")

    assert "OCI-Filters-Applied" not in answer.headers
    assert len(answer.json["manifests"]) == 1


@pytest.mark.endpoint("end-12", "GET")
def test_referrers_come_in_pages_that_keep_the_filter(
    client: Client, repository: Repository
) -> None:
    repository.push_image()
    subject = descriptor(b"subject of many", OCI_MANIFEST)
    wanted = {
        repository.push_manifest(
            image(subject=subject, artifactType=SIGNATURE, annotations={"n": str(number)})
        )
        for number in range(5)
    }
    repository.push_manifest(image(subject=subject, artifactType=SBOM))
    query = f"?n=2&artifactType={quote(SIGNATURE, safe='')}"
    page: str | None = f"{repository.path}/referrers/{subject['digest']}{query}"
    found, pages = [], 0

    while page:
        answer = client.ask("GET", page)
        assert answer.headers["OCI-Filters-Applied"] == "artifactType"
        found += [entry["digest"] for entry in answer.json["manifests"]]
        page = next_page(answer)
        pages += 1

    assert pages == 3
    assert len(found) == 5
    assert set(found) == wanted


@pytest.mark.endpoint("end-12", "GET")
@pytest.mark.parametrize("field", ["annotations", "artifactType"])
def test_a_page_ends_before_it_is_too_large_for_clients(
    client: Client, repository: Repository, field: str
) -> None:
    """They read at most 4 MiB of an index."""
    repository.push_image()
    subject = descriptor(b"subject of large ones", OCI_MANIFEST)
    large = "application/" + "x" * 1_500_000
    for number in range(3):
        value = {"a": large} if field == "annotations" else large
        repository.push_manifest({**image(subject=subject, number=number), field: value})
    page: str | None = f"{repository.path}/referrers/{subject['digest']}"
    found = 0

    while page:
        answer = client.ask("GET", page)
        assert len(answer.body) < 4 * 1024 * 1024
        found += len(answer.json["manifests"])
        page = next_page(answer)

    assert found == 3


@pytest.mark.endpoint("end-12", "GET")
def test_referrers_of_another_repository_are_not_listed(
    repository: Repository, other: Repository
) -> None:
    subject = descriptor(b"in both", OCI_MANIFEST)
    other.push_image()
    other.push_manifest(image(subject=subject))

    assert repository.ask("GET", f"/referrers/{subject['digest']}").json["manifests"] == []


@pytest.mark.endpoint("end-12", "GET")
@pytest.mark.parametrize("digest", ["latest", "sha256:short", "md5:" + "0" * 32])
def test_the_referrers_of_what_is_no_digest_are_refused(
    repository: Repository, digest: str
) -> None:
    answer = repository.ask("GET", f"/referrers/{digest}")

    assert answer.status == 400
    assert answer.codes == ["DIGEST_INVALID"]

"""end-11: a blob is taken over from another repository, without its bytes travelling."""

import pytest

from tests.support.client import Client
from tests.support.pushes import Repository, digest_of

DATA = b"shared by many images"


@pytest.mark.endpoint("end-11", "POST")
def test_a_blob_is_mounted(
    client: Client, repository: Repository, other: Repository, algorithm: str
) -> None:
    """As specified: "The response to a successful mount MUST be 201 Created", with its location."""
    digest = other.push_blob(DATA, algorithm)

    answer = repository.ask("POST", f"/blobs/uploads/?mount={digest}&from={other.name}")

    assert answer.status == 201
    assert answer.headers["Docker-Content-Digest"] == digest
    assert answer.headers["Location"].endswith(f"{repository.path}/blobs/{digest}")
    assert client.ask("GET", answer.headers["Location"]).body == DATA


@pytest.mark.endpoint("end-11", "POST")
def test_a_blob_is_mounted_from_wherever_it_is(
    client: Client, repository: Repository, other: Repository, algorithm: str
) -> None:
    """As specified: "The registry MAY treat the `from` parameter as optional"."""
    data = DATA + b" without from"
    digest = other.push_blob(data, algorithm)

    answer = repository.ask("POST", f"/blobs/uploads/?mount={digest}")

    assert answer.status == 201
    assert client.ask("GET", answer.headers["Location"]).body == data


@pytest.mark.endpoint("end-11", "POST")
def test_a_mounted_blob_stays_when_its_source_goes(
    repository: Repository, other: Repository
) -> None:
    digest = other.push_blob(DATA + b" deleted there")
    repository.ask("POST", f"/blobs/uploads/?mount={digest}&from={other.name}")

    assert other.ask("DELETE", f"/blobs/{digest}").status == 202

    assert repository.ask("GET", f"/blobs/{digest}").status == 200


@pytest.mark.endpoint("end-11", "POST")
@pytest.mark.parametrize(
    "source", ["&from=spec/nowhere", "&from={other}", "&from=NOT/A/NAME", "&from=..", "&from=", ""]
)
def test_what_cannot_be_mounted_is_to_be_uploaded(
    client: Client, repository: Repository, other: Repository, source: str
) -> None:
    """As specified: "it SHOULD return a 202. This indicates that the upload session has begun"."""
    data = DATA + source.encode() + b" is not there"
    digest = digest_of(data)
    other.push_blob(b"something else")
    query = f"?mount={digest}{source.format(other=other.name)}"

    answer = repository.ask("POST", f"/blobs/uploads/{query}")

    assert answer.status == 202
    assert answer.headers["Range"] == "0-0"
    assert answer.headers["Docker-Upload-UUID"] in answer.headers["Location"]
    put = client.ask("PUT", f"{answer.headers['Location']}?digest={digest}", data)
    assert put.status == 201


@pytest.mark.endpoint("end-11", "POST")
def test_a_repository_that_is_named_is_the_only_source(
    repository: Repository, other: Repository
) -> None:
    """Who may read one repository must not come by the blobs of others."""
    digest = other.push_blob(DATA + b" elsewhere")

    answer = repository.ask("POST", f"/blobs/uploads/?mount={digest}&from=spec/nowhere")

    assert answer.status == 202


@pytest.mark.endpoint("end-11", "POST")
def test_a_deleted_blob_cannot_be_mounted(repository: Repository, other: Repository) -> None:
    digest = other.push_blob(DATA + b" and gone")
    other.ask("DELETE", f"/blobs/{digest}")

    for source in (f"&from={other.name}", ""):
        answer = repository.ask("POST", f"/blobs/uploads/?mount={digest}{source}")
        assert answer.status == 202


@pytest.mark.endpoint("end-11", "POST")
def test_an_image_of_mounted_blobs_is_complete(repository: Repository, other: Repository) -> None:
    """Its manifest is accepted, as all it refers to is there."""
    other.push_image("latest", DATA)
    for blob in (b"{}", DATA):
        query = f"?mount={digest_of(blob)}&from={other.name}"
        assert repository.ask("POST", f"/blobs/uploads/{query}").status == 201

    manifest = other.ask("GET", "/manifests/latest")

    assert repository.put_manifest(manifest.body, "latest").status == 201

"""end-2: blobs are read as they were pushed, by GET and HEAD, with conditions."""

import pytest

from tests.support.client import Answer
from tests.support.pushes import Repository, digest_of

DATA = bytes(range(256)) * 40


@pytest.mark.endpoint("end-2", "GET")
def test_a_blob_is_read_byte_for_byte(repository: Repository, algorithm: str) -> None:
    """As specified: "MUST provide the expected blob, with a response code that MUST be 200 OK"."""
    digest = repository.push_blob(DATA, algorithm)

    answer = repository.ask("GET", f"/blobs/{digest}")

    assert answer.status == 200
    assert answer.body == DATA
    assert answer.headers["Content-Length"] == str(len(DATA))
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Docker-Content-Digest"] == digest
    assert answer.headers["ETag"] == f'"{digest}"'
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Cache-Control"] == "max-age=31536000"


@pytest.mark.endpoint("end-2", "HEAD")
def test_the_head_of_a_blob_says_all_but_the_bytes(repository: Repository, algorithm: str) -> None:
    """Docker wants the length; it asks before an upload and once more after it."""
    digest = repository.push_blob(DATA, algorithm)

    head = repository.ask("HEAD", f"/blobs/{digest}")
    get = repository.ask("GET", f"/blobs/{digest}")

    assert head.status == 200
    assert _headers(head) == _headers(get)


@pytest.mark.endpoint("end-2", "GET", "HEAD")
@pytest.mark.parametrize("data", [b"", b"{}"], ids=["nothing", "an empty object"])
def test_the_smallest_blobs_are_blobs(repository: Repository, data: bytes, algorithm: str) -> None:
    digest = repository.push_blob(data, algorithm)

    assert repository.ask("GET", f"/blobs/{digest}").body == data
    assert repository.ask("HEAD", f"/blobs/{digest}").headers["Content-Length"] == str(len(data))


@pytest.mark.endpoint("end-2", "GET", "HEAD")
def test_a_blob_larger_than_a_piece_comes_whole(repository: Repository) -> None:
    """It leaves in many reads, none of which may be lost or doubled."""
    data = DATA * 120 + b"end"
    digest = repository.push_blob(data)

    assert repository.ask("GET", f"/blobs/{digest}").body == data


@pytest.mark.endpoint("end-2", "GET", "HEAD")
def test_a_blob_that_is_not_there_is_not_found(repository: Repository, algorithm: str) -> None:
    """As specified: "If the blob is not found in the repository, the response code MUST be 404"."""
    path = f"/blobs/{digest_of(b'never pushed', algorithm)}"

    answer = repository.ask("GET", path)

    assert answer.status == 404
    assert answer.codes == ["BLOB_UNKNOWN"]
    assert repository.ask("HEAD", path).status == 404


@pytest.mark.endpoint("end-2", "GET", "HEAD")
def test_a_blob_of_another_repository_is_not_found(
    repository: Repository, other: Repository
) -> None:
    """Who may read one repository learns nothing of what is in others."""
    digest = other.push_blob(b"private")

    assert repository.ask("GET", f"/blobs/{digest}").codes == ["BLOB_UNKNOWN"]
    assert repository.ask("HEAD", f"/blobs/{digest}").status == 404


@pytest.mark.endpoint("end-2", "GET")
def test_a_manifest_is_no_blob(repository: Repository) -> None:
    """As in CNCF Distribution; containerd asks here after it did not find a manifest."""
    assert repository.ask("GET", f"/blobs/{repository.push_image()}").status == 404


@pytest.mark.endpoint("end-2", "GET", "HEAD")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("form", ['"{}"', "{}", 'W/"{}"', '"x", "{}"', "*"])
def test_a_client_that_has_the_blob_gets_no_bytes(
    repository: Repository, method: str, form: str
) -> None:
    """RFC 9110, 13.1.2; without quotes, as CNCF Distribution accepts it."""
    digest = repository.push_blob(DATA)

    answer = repository.ask(method, f"/blobs/{digest}", if_none_match=form.format(digest))

    assert answer.status == 304
    assert answer.headers["ETag"] == f'"{digest}"'
    assert answer.headers["Docker-Content-Digest"] == digest
    assert "Content-Length" not in answer.headers


@pytest.mark.endpoint("end-2", "GET")
def test_a_client_that_has_another_blob_gets_this_one(repository: Repository) -> None:
    digest = repository.push_blob(DATA)
    tag = f'"{digest_of(b"another")}"'

    assert repository.ask("GET", f"/blobs/{digest}", if_none_match=tag).body == DATA


@pytest.mark.endpoint("end-2", "GET")
def test_a_colon_may_come_encoded(repository: Repository) -> None:
    """Some HTTP libraries encode it, which means the same (RFC 3986, 2.2)."""
    digest = repository.push_blob(DATA)

    assert repository.ask("GET", f"/blobs/{digest.replace(':', '%3A')}").body == DATA


def _headers(answer: Answer) -> dict[str, str]:
    """All that say something of the content."""
    names = {name.lower(): value for name, value in answer.headers.items()}
    others = {"date", "connection", "x-request-id"}
    return {name: value for name, value in names.items() if name not in others}

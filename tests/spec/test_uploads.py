"""end-4, end-5, end-6, end-13, end-14: blobs are pushed at once, in a stream, or in chunks."""

import re
from urllib.parse import urlsplit

import pytest

from tests.support.client import Answer, Client
from tests.support.pushes import Repository, digest_of

CHUNKS = (b"first" * 100, b"second" * 200, b"third" * 300)
DATA = b"".join(CHUNKS)


def assert_standing(answer: Answer, size: int) -> None:
    """The answer says where to go on, from which byte, and what the upload is called."""
    path = urlsplit(answer.headers["Location"]).path
    assert answer.headers["Range"] == f"0-{max(size - 1, 0)}"
    assert answer.headers["Docker-Upload-UUID"] in path
    assert answer.body == b""


def assert_is_blob(client: Client, answer: Answer, data: bytes, algorithm: str) -> None:
    """The answer says that there is such a blob, and where it says there is one."""
    digest = digest_of(data, algorithm)
    assert answer.status == 201, answer
    assert answer.body == b""
    assert answer.headers["Content-Length"] == "0"
    assert answer.headers["Docker-Content-Digest"] == digest
    assert client.ask("GET", answer.headers["Location"]).body == data


@pytest.mark.endpoint("end-4a", "POST")
@pytest.mark.parametrize("path", ["/blobs/uploads/", "/blobs/uploads"])
def test_an_upload_begins(repository: Repository, path: str) -> None:
    """With an answer that says where to send the bytes, which holds a UUID."""
    answer = repository.ask("POST", path)

    assert answer.status == 202
    assert answer.headers["Content-Length"] == "0"
    assert_standing(answer, 0)
    assert re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", answer.headers["Location"])


@pytest.mark.endpoint("end-4a", "POST")
def test_chunks_may_have_any_size(repository: Repository) -> None:
    """So no least size is announced; clients would make their chunks larger."""
    assert "OCI-Chunk-Min-Length" not in repository.ask("POST", "/blobs/uploads/").headers


@pytest.mark.endpoint("end-4a", "POST")
def test_each_upload_is_another_one(repository: Repository) -> None:
    assert repository.start_upload() != repository.start_upload()


@pytest.mark.endpoint("end-4b", "POST")
@pytest.mark.parametrize("data", [DATA, b""], ids=["bytes", "nothing"])
def test_a_blob_comes_in_a_single_request(
    client: Client, repository: Repository, data: bytes, algorithm: str
) -> None:
    digest = digest_of(data, algorithm)

    answer = repository.ask("POST", f"/blobs/uploads/?digest={digest}", data)

    assert_is_blob(client, answer, data, algorithm)


@pytest.mark.endpoint("end-4c", "POST")
def test_the_algorithm_may_be_announced(
    client: Client, repository: Repository, algorithm: str
) -> None:
    """A hint, which does not bind: the digest may be of the other one."""
    for announced in ("sha256", "sha512"):
        location = repository.start_upload(f"?digest-algorithm={announced}")
        answer = client.ask("PUT", f"{location}?digest={digest_of(DATA, algorithm)}", DATA)
        assert_is_blob(client, answer, DATA, algorithm)


@pytest.mark.endpoint("end-4c", "POST")
def test_an_algorithm_that_is_not_supported_cannot_be_announced(repository: Repository) -> None:
    answer = repository.ask("POST", "/blobs/uploads/?digest-algorithm=md5")

    assert answer.status == 400
    assert answer.codes == ["DIGEST_INVALID"]


@pytest.mark.endpoint("end-5", "PATCH")
@pytest.mark.endpoint("end-6", "PUT")
def test_a_blob_comes_as_docker_sends_it(
    client: Client, repository: Repository, algorithm: str
) -> None:
    """One PATCH of HTTP chunks without length and range, then a PUT without a body."""
    location = repository.start_upload()

    patched = client.ask("PATCH", location, iter(CHUNKS))

    assert patched.status == 202
    assert_standing(patched, len(DATA))
    digest = digest_of(DATA, algorithm)
    put = client.ask("PUT", f"{patched.headers['Location']}?digest={digest}")
    assert_is_blob(client, put, DATA, algorithm)
    assert repository.ask("HEAD", f"/blobs/{digest}").headers["Content-Length"] == str(len(DATA))


@pytest.mark.endpoint("end-5", "PATCH")
def test_an_empty_stream_leaves_an_upload_empty(client: Client, repository: Repository) -> None:
    """Docker takes `0--1`, which would follow from arithmetic, for an error."""
    patched = client.ask("PATCH", repository.start_upload(), iter(()))

    assert patched.status == 202
    assert patched.headers["Range"] == "0-0"


@pytest.mark.endpoint("end-6", "PUT")
def test_a_blob_comes_as_containerd_sends_it(
    client: Client, repository: Repository, algorithm: str
) -> None:
    """One PUT with everything. It wants the digest back, or takes the push for failed."""
    location = repository.start_upload()

    answer = client.ask("PUT", f"{location}?digest={digest_of(DATA, algorithm)}", DATA)

    assert_is_blob(client, answer, DATA, algorithm)


@pytest.mark.endpoint("end-5", "PATCH")
@pytest.mark.endpoint("end-6", "PUT")
@pytest.mark.parametrize("form", ["{}-{}", "bytes {}-{}/*", "bytes {}-{}/3300"])
@pytest.mark.parametrize("last", ["by PATCH", "by PUT"])
def test_a_blob_comes_in_chunks(
    client: Client, repository: Repository, algorithm: str, form: str, last: str
) -> None:
    """Each PATCH goes where the answer before it said; the last chunk may come with the PUT."""
    location, sent = repository.start_upload(), 0
    by_patch = CHUNKS if last == "by PATCH" else CHUNKS[:-1]
    for chunk in by_patch:
        answer = client.ask(
            "PATCH", location, chunk, content_range=form.format(sent, sent + len(chunk) - 1)
        )
        sent += len(chunk)
        assert answer.status == 202
        assert_standing(answer, sent)
        location = answer.headers["Location"]

    target = f"{location}?digest={digest_of(DATA, algorithm)}"
    if last == "by PATCH":
        answer = client.ask("PUT", target)
    else:
        answer = client.ask(
            "PUT", target, CHUNKS[-1], content_range=form.format(sent, len(DATA) - 1)
        )

    assert_is_blob(client, answer, DATA, algorithm)


@pytest.mark.endpoint("end-5", "PATCH")
def test_chunks_without_a_range_are_appended(client: Client, repository: Repository) -> None:
    location = repository.start_upload()
    for chunk in CHUNKS:
        assert client.ask("PATCH", location, chunk).status == 202

    answer = client.ask("PUT", f"{location}?digest={digest_of(DATA)}")

    assert_is_blob(client, answer, DATA, "sha256")


@pytest.mark.endpoint("end-5", "PATCH")
def test_a_chunk_of_unknown_length_may_have_a_range(client: Client, repository: Repository) -> None:
    location = repository.start_upload()

    answer = client.ask("PATCH", location, iter(CHUNKS), content_range=f"0-{len(DATA) - 1}")

    assert answer.status == 202
    assert_standing(answer, len(DATA))


@pytest.mark.endpoint("end-13", "GET", "HEAD")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_upload_tells_how_far_it_is(client: Client, repository: Repository, method: str) -> None:
    location = repository.start_upload()
    assert_standing(client.ask(method, location), 0)
    client.ask("PATCH", location, DATA)

    answer = client.ask(method, location)

    assert answer.status == 204
    assert_standing(answer, len(DATA))


@pytest.mark.endpoint("end-5", "PATCH")
@pytest.mark.endpoint("end-6", "PUT")
@pytest.mark.endpoint("end-13", "GET")
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize("start", [0, len(CHUNKS[0]) - 1, len(CHUNKS[0]) + 1])
def test_an_upload_survives_a_chunk_out_of_order(
    client: Client, repository: Repository, method: str, start: int
) -> None:
    """416, a GET tells where to go on, and it goes on."""
    location = repository.start_upload()
    client.ask("PATCH", location, CHUNKS[0])
    query = f"?digest={digest_of(DATA)}" if method == "PUT" else ""
    span = f"{start}-{start + len(CHUNKS[1]) - 1}"

    refused = client.ask(method, location + query, CHUNKS[1], content_range=span)

    assert refused.status == 416
    assert refused.codes == ["RANGE_INVALID"]
    assert refused.headers["Range"] == f"0-{len(CHUNKS[0]) - 1}"
    status = client.ask("GET", location)
    assert status.status == 204
    assert_standing(status, len(CHUNKS[0]))
    client.ask("PATCH", location, CHUNKS[1])
    answer = client.ask("PUT", f"{location}?digest={digest_of(DATA)}", CHUNKS[2])
    assert_is_blob(client, answer, DATA, "sha256")


@pytest.mark.endpoint("end-6", "PUT")
def test_an_upload_that_is_finished_is_over(client: Client, repository: Repository) -> None:
    location = repository.start_upload()
    client.ask("PUT", f"{location}?digest={digest_of(DATA)}", DATA)

    for method in ("GET", "PATCH", "DELETE"):
        answer = client.ask(method, location)
        assert answer.status == 404
        assert answer.codes == ["BLOB_UPLOAD_UNKNOWN"]


@pytest.mark.endpoint("end-14", "DELETE")
def test_an_upload_is_cancelled(client: Client, repository: Repository) -> None:
    """Its bytes are gone, and nobody can go on with it."""
    location = repository.start_upload()
    client.ask("PATCH", location, DATA)

    answer = client.ask("DELETE", location)

    assert answer.status == 204
    assert answer.headers["Docker-Upload-UUID"] in location
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        query = f"?digest={digest_of(DATA)}" if method == "PUT" else ""
        assert client.ask(method, location + query).codes == ["BLOB_UPLOAD_UNKNOWN"]


@pytest.mark.endpoint("end-6", "PUT")
def test_two_uploads_of_one_blob_both_succeed(client: Client, repository: Repository) -> None:
    """Both clients are told that the blob is there, and it is."""
    first, second = repository.start_upload(), repository.start_upload()
    for location in (first, second):
        client.ask("PATCH", location, DATA)

    for location in (first, second):
        answer = client.ask("PUT", f"{location}?digest={digest_of(DATA)}")
        assert_is_blob(client, answer, DATA, "sha256")


@pytest.mark.endpoint("end-6", "PUT")
def test_the_digest_may_be_appended_to_any_location(client: Client, repository: Repository) -> None:
    """Clients append it with `&` where the location has a query; ours never needs that."""
    location = repository.start_upload()

    assert urlsplit(location).query == ""
    answer = client.ask("PUT", f"{location}?x=y&digest={digest_of(DATA)}", DATA)
    assert_is_blob(client, answer, DATA, "sha256")

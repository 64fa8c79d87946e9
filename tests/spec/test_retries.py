"""Answers get lost, and requests that belong together reach different workers."""

import pytest

from tests.support.client import Client
from tests.support.processes import wait_until
from tests.support.pushes import Repository, digest_of, image
from tests.support.workers import one_connection_each

DATA = bytes(range(256)) * 512
HALF = len(DATA) // 2


@pytest.mark.endpoint("end-6", "PUT")
@pytest.mark.parametrize("body", [b"", DATA], ids=["without a body", "with the whole blob"])
def test_a_commit_may_be_repeated(repository: Repository, body: bytes, algorithm: str) -> None:
    """The client that did not get the answer asks again, and gets the same one."""
    client, digest = repository.client, digest_of(DATA, algorithm)
    location = repository.start_upload()
    if not body:
        client.ask("PATCH", location, DATA)

    answers = [client.ask("PUT", f"{location}?digest={digest}", body) for _ in range(3)]

    for answer in answers:
        assert answer.status == 201
        assert answer.headers["Docker-Content-Digest"] == digest
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert repository.ask("GET", f"/blobs/{digest}").body == DATA


@pytest.mark.endpoint("end-6", "PUT")
def test_a_commit_whose_answer_nobody_read_may_be_repeated(repository: Repository) -> None:
    client, digest = repository.client, digest_of(DATA)
    target = f"{repository.start_upload()}?digest={digest}"
    with client.connection() as connection:
        connection.request("PUT", target, DATA)

    wait_until(lambda: repository.ask("HEAD", f"/blobs/{digest}").status == 200, "the blob")

    assert client.ask("PUT", target, DATA).status == 201


@pytest.mark.endpoint("end-6", "PUT")
def test_a_commit_is_not_repeated_with_another_digest(repository: Repository) -> None:
    location = repository.start_upload()
    assert repository.client.ask("PUT", f"{location}?digest={digest_of(DATA)}", DATA).status == 201

    answer = repository.client.ask("PUT", f"{location}?digest={digest_of(b'x')}", b"x")

    assert (answer.status, answer.codes) == (404, ["BLOB_UPLOAD_UNKNOWN"])


@pytest.mark.endpoint("end-5", "PATCH")
@pytest.mark.endpoint("end-13", "GET")
def test_a_chunk_that_is_repeated_is_not_taken_twice(repository: Repository) -> None:
    """It is out of order by then; the answer, and the status, say where to go on."""
    client, location = repository.client, repository.start_upload()
    first, second = DATA[:HALF], DATA[HALF:]
    for status in (202, 416):
        answer = client.ask("PATCH", location, first, content_range=f"0-{HALF - 1}")
        assert answer.status == status
        assert answer.headers["Range"] == f"0-{HALF - 1}"
    assert client.ask("GET", location).headers["Range"] == f"0-{HALF - 1}"
    span = f"{HALF}-{len(DATA) - 1}"
    assert client.ask("PATCH", location, second, content_range=span).status == 202

    assert client.ask("PUT", f"{location}?digest={digest_of(DATA)}").status == 201


@pytest.mark.endpoint("end-6", "PUT")
@pytest.mark.parametrize("staged", [0, HALF])
def test_a_wrong_digest_leaves_the_upload_as_it_was(repository: Repository, staged: int) -> None:
    """So the client goes on as if it had not asked, with the same chunk or with another."""
    client, location = repository.client, repository.start_upload()
    client.ask("PATCH", location, DATA[:staged])

    for _ in range(2):
        refused = client.ask("PUT", f"{location}?digest={digest_of(b'other')}", DATA[staged:])
        assert (refused.status, refused.codes) == (400, ["DIGEST_INVALID"])

    assert client.ask("GET", location).headers["Range"] == f"0-{max(staged - 1, 0)}"
    put = client.ask("PUT", f"{location}?digest={digest_of(DATA)}", DATA[staged:])
    assert put.status == 201


def test_pushes_in_one_request_may_be_repeated(repository: Repository, other: Repository) -> None:
    digest = other.push_blob(DATA)
    for query in (f"?digest={digest_of(b'{}')}", f"?mount={digest}&from={other.name}"):
        for _ in range(2):
            answer = repository.ask("POST", f"/blobs/uploads/{query}", b"{}")
            assert answer.status == 201
    for _ in range(2):
        assert repository.put_manifest(image(DATA), "latest").status == 201
    assert repository.ask("GET", "/tags/list").json["tags"] == ["latest"]


@pytest.mark.endpoint("end-5", "PATCH")
@pytest.mark.parametrize("announced", ["sha256", "sha512"])
def test_an_upload_may_be_spread_over_workers(
    direct: Client, algorithm: str, announced: str
) -> None:
    """Neither worker has seen all of it; a chunk that was taken back fools neither of them."""
    repository = Repository(direct, f"spec/workers-{algorithm}-{announced}")
    location = repository.start_upload(f"?digest-algorithm={announced}")
    digest = digest_of(DATA * 5, algorithm)
    with one_connection_each(direct) as workers:
        for turn in range(4):
            connection = workers[turn % 2]
            connection.request("PATCH", location, DATA)
            assert connection.receive().headers["Range"] == f"0-{len(DATA) * (turn + 1) - 1}"
        for connection in workers:
            connection.request("PUT", f"{location}?digest={digest}", DATA[::-1])
            assert connection.receive().codes == ["DIGEST_INVALID"]
            connection.request("GET", location)
            assert connection.receive().headers["Range"] == f"0-{len(DATA) * 4 - 1}"
        for connection in workers:
            connection.request("PUT", f"{location}?digest={digest}", DATA)
            assert connection.receive().status == 201
        for connection in workers:
            connection.request("GET", f"{repository.path}/blobs/{digest}")
            assert connection.receive().body == DATA * 5

"""Clients that leave in the middle, and clients that collide; see `test_bad_inputs.py`."""

from contextlib import ExitStack

import pytest

from tests.support.client import Client
from tests.support.processes import wait_until
from tests.support.pushes import Repository, digest_of, encode, image
from tests.support.victims import LAYER, Victim

DATA = bytes(range(256)) * 4096


@pytest.fixture
def client(direct: Client) -> Client:
    """A proxy would have connections of its own."""
    return direct


def status_of(client: Client, location: str) -> str:
    """How far an upload is, as the registry says."""
    header: str = client.ask("GET", location).headers["Range"]
    return header


@pytest.mark.endpoint("end-5", "PATCH")
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
@pytest.mark.parametrize("size", [2, 300, len(DATA) + 7])
def test_what_arrived_before_a_client_left_is_kept(
    repository: Repository, size: int, chunked: bool
) -> None:
    """A PATCH that breaks off need not be sent again: the status says where to go on."""
    client, data = repository.client, DATA * 3
    location = repository.start_upload()
    with client.connection() as connection:
        if chunked:
            connection.request("PATCH", location, b"", transfer_encoding="chunked")
            connection.send(b"%x\r\n" % len(data) + data[:size])
        else:
            connection.request("PATCH", location, b"", content_length=str(len(data)))
            connection.send(data[:size])

    wait_until(lambda: status_of(client, location) == f"0-{size - 1}", "the upload")

    span = f"{size}-{len(data) - 1}"
    assert client.ask("PATCH", location, data[size:], content_range=span).status == 202
    put = client.ask("PUT", f"{location}?digest={digest_of(data)}")
    assert put.status == 201
    assert client.ask("GET", put.headers["Location"]).body == data


@pytest.mark.parametrize(
    ("method", "path", "part"),
    [
        ("PUT", "{upload}?digest={blob}", DATA + DATA),
        ("PUT", "{upload}?digest={blob}", b"more"),
        ("POST", "/v2/app/blobs/uploads/?digest={blob}", LAYER),
        ("PUT", "/v2/app/manifests/v1", encode(image(LAYER))),
        ("POST", "/v2/app/blobs/uploads/", b""),
        ("POST", "/v2/app/blobs/uploads/?mount={blob}&from=app", b""),
        ("DELETE", "{upload}", b""),
        ("DELETE", "/v2/app/manifests/latest", b""),
        ("DELETE", "/v2/app/manifests/{manifest}", b""),
        ("DELETE", "/v2/app/blobs/{unused}", b""),
    ],
)
def test_a_request_that_does_not_end_changes_nothing(
    victim: Victim, method: str, path: str, part: bytes
) -> None:
    """All or nothing, for everything but a PATCH."""
    target = victim.path(path)
    gone = victim.log.read_text().count('" 499 ')

    with victim.unchanged():
        with victim.client.connection() as connection:
            connection.request(method, target, part, content_length=str(len(part) + 1))
        wait_until(lambda: victim.log.read_text().count('" 499 ') > gone, "the end of it")


@pytest.mark.endpoint("end-5", "PATCH")
@pytest.mark.endpoint("end-6", "PUT")
@pytest.mark.parametrize("second", ["PATCH", "PUT"])
def test_an_upload_is_written_to_by_one_request_at_a_time(
    repository: Repository, second: str
) -> None:
    """The other one is told to ask where the upload stands, and the first one is not disturbed."""
    client, location = repository.client, repository.start_upload()
    target = f"{location}?digest={digest_of(DATA)}"
    with client.connection() as first:
        first.request("PATCH", location, b"", content_length=str(len(DATA)), expect="100-continue")
        assert first.receive().status == 100
        first.send(DATA[:10])

        refused = client.ask(second, target, DATA)

        assert refused.status == 416
        assert refused.codes == ["RANGE_INVALID"]
        assert client.ask("GET", location).status == 204
        first.send(DATA[10:])
        assert first.receive().status == 202
    assert client.ask("PUT", target).status == 201
    assert repository.ask("GET", f"/blobs/{digest_of(DATA)}").body == DATA


@pytest.mark.endpoint("end-6", "PUT")
def test_one_blob_may_be_pushed_by_many_at_once(repository: Repository, other: Repository) -> None:
    """Each is told that it is there, and has it in its own repository."""
    digest, places = digest_of(DATA), [repository, repository, other, other]
    with ExitStack() as stack:
        connections = [stack.enter_context(place.client.connection()) for place in places]
        for connection, place in zip(connections, places, strict=True):
            target = f"{place.start_upload()}?digest={digest}"
            length = str(len(DATA))
            connection.request("PUT", target, content_length=length, expect="100-continue")
            assert connection.receive().status == 100
        for connection in connections:
            connection.send(DATA)
        for connection in connections:
            assert connection.receive().status == 201

    for place in places:
        assert place.ask("GET", f"/blobs/{digest}").body == DATA


def test_a_client_that_leaves_stops_all_that_it_asked_for(victim: Victim) -> None:
    """Also what it asked for before its last request, on the same connection."""
    digest = Repository(victim.client, "large").push_blob(DATA * 64)
    path = f"/v2/large/blobs/{digest}"
    with victim.client.connection() as connection:
        for _ in range(2):
            connection.request("GET", path)
        assert connection.receive(head=True).status == 200

    wait_until(lambda: f'"GET {path} HTTP/1.1" 499' in victim.log.read_text(), "the end of it")

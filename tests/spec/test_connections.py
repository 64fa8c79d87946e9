"""What a connection may carry: several requests, one after the other, whatever their answers."""

import time

import pytest

from tests.support.client import Client
from tests.support.guarded import Guarded
from tests.support.pushes import Repository, digest_of

DATA = bytes(range(256)) * 4096


@pytest.fixture
def client(direct: Client) -> Client:
    """A proxy would have connections of its own."""
    return direct


@pytest.mark.endpoint("end-1", "GET")
def test_a_connection_is_used_again(client: Client) -> None:
    with client.connection() as connection:
        for _ in range(20):
            connection.request("GET", "/v2/")
            assert connection.receive().status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "/v2/BAD/manifests/v1", 400),
        ("PATCH", "/v2/a/blobs/uploads/00000000-0000-4000-8000-000000000000", 404),
        ("POST", "/v2/a/blobs/uploads/?digest=bad", 400),
        ("PUT", "/v2/a/manifests/v1", 413),
        ("POST", "/v2/_catalog", 405),
        ("PUT", "/nowhere", 404),
    ],
)
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
def test_a_connection_outlives_an_error(
    client: Client, method: str, path: str, status: int, chunked: bool
) -> None:
    """The body that nobody read is not taken for the next request."""
    body = b"GET /v2/ HTTP/1.1\r\n\r\n" * 300_000
    with client.connection() as connection:
        connection.request(method, path, iter([body]) if chunked else body)
        answer = connection.receive()
        assert answer.status == status
        assert answer.codes

        connection.request("GET", "/v2/_catalog")
        assert "repositories" in connection.receive().json


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("path", ["/v2/BAD/manifests/v1", "/v2/a/manifests/v1", "/nowhere"])
def test_who_is_refused_on_a_last_request_can_read_why(
    client: Client, version: str, path: str
) -> None:
    """The body that is still on its way does not reset the connection.

    nginx makes one connection for each request, unless it is told otherwise.
    """
    body = b"x" * 5_000_000
    with client.connection() as connection:
        head = f"Host: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.send(f"PUT {path} HTTP/{version}\r\n{head}".encode())
        for start in range(0, len(body), 50_000):
            connection.send(body[start : start + 50_000])
            time.sleep(0.001)
        answer = connection.receive()
        assert answer.status in {400, 404, 413}
        assert answer.codes
        assert answer.headers["Connection"] == "close"
        assert connection.rest() == b""


def test_requests_may_be_sent_ahead(repository: Repository) -> None:
    """They are answered in their order (RFC 9112, 9.3.2)."""
    digests = [repository.push_blob(b"blob %d" % number) for number in range(5)]
    with repository.client.connection() as connection:
        for digest in digests:
            connection.request("GET", f"{repository.path}/blobs/{digest}")
        for number in range(5):
            assert connection.receive().body == b"blob %d" % number


def test_requests_may_not_be_sent_ahead_without_end(client: Client) -> None:
    """Each takes memory until it is answered."""
    with client.connection() as connection:
        connection.send(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n" * 5000)
        answer = connection.receive()
        assert answer.status == 429
        assert answer.codes == ["TOOMANYREQUESTS"]
        assert connection.rest() == b""


@pytest.mark.endpoint("end-6", "PUT")
def test_a_client_that_waits_is_told_to_go_on(repository: Repository) -> None:
    """`Expect: 100-continue` (RFC 9110, 10.1.1)."""
    digest = digest_of(DATA)
    with repository.client.connection() as connection:
        connection.request(
            "PUT",
            f"{repository.start_upload()}?digest={digest}",
            content_length=str(len(DATA)),
            expect="100-continue",
        )
        assert connection.receive().status == 100
        connection.send(DATA)
        assert connection.receive().status == 201
    assert repository.ask("GET", f"/blobs/{digest}").body == DATA


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("PUT", "/v2/BAD/manifests/v1", {}, 400),
        ("PUT", "/v2/a/manifests/v1", {"content_length": "5000000"}, 413),
        ("PATCH", "/v2/a/blobs/uploads/none", {}, 404),
        ("PATCH", "{upload}", {"content_range": "5-14"}, 416),
        ("PATCH", "{upload}", {"content_range": "0-8"}, 400),
        ("PUT", "{upload}?digest=none", {}, 400),
        ("POST", "/v2/a/blobs/uploads/?digest=none", {}, 400),
    ],
)
def test_a_client_that_waits_is_told_no_before_it_sends(
    repository: Repository, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    """Whatever can be refused without the body is."""
    target = path.format(upload=repository.start_upload())
    with repository.client.connection() as connection:
        head = {"content_length": "10", **headers}
        connection.request(method, target, b"", expect="100-continue", **head)
        answer = connection.receive()

    assert answer.status == status
    assert answer.codes


@pytest.mark.parametrize("connection_header", ["", "Connection: keep-alive\r\n"])
def test_old_clients_are_answered_once(client: Client, connection_header: str) -> None:
    """HTTP/1.0, as health checks still speak it, and no `Host`."""
    with client.connection() as connection:
        connection.send(f"GET /v2/ HTTP/1.0\r\n{connection_header}\r\n".encode())
        answer = connection.receive()

        assert answer.status == 200
        assert answer.headers["Connection"] == "close"
        assert connection.rest() == b""


@pytest.mark.parametrize("upgrade", ["h2c", "websocket", "TLS/1.2"])
@pytest.mark.parametrize("pieces", [1, 3])
def test_an_offer_to_speak_another_protocol_is_declined(
    repository: Repository, upgrade: str, pieces: int
) -> None:
    """By answering in this one (RFC 9110, 7.8); Java's and curl's clients offer HTTP/2."""
    path = f"{repository.path}/blobs/uploads/?digest={digest_of(DATA * pieces)}"
    offer = {"connection": "Upgrade, HTTP2-Settings", "upgrade": upgrade, "http2_settings": "AAMA"}
    with repository.client.connection() as connection:
        for _ in range(2):
            connection.request("GET", "/v2/", b"", **offer)
            connection.request("POST", path, DATA if pieces == 1 else [DATA] * pieces, **offer)
            connection.request("GET", "/v2/_catalog", b"", **offer)
            assert connection.receive().json == {}
            assert connection.receive().status == 201
            assert "repositories" in connection.receive().json


@pytest.mark.parametrize("connection_header", ["close, Upgrade", "Upgrade, close"])
@pytest.mark.parametrize("pieces", [0, 1, 3])
def test_an_offer_is_declined_on_a_last_request_as_well(
    repository: Repository, connection_header: str, pieces: int
) -> None:
    """Its body is read, and nothing behind it."""
    path = f"{repository.path}/blobs/uploads/?digest={digest_of(DATA * pieces)}"
    offer = {"connection": connection_header, "upgrade": "h2c"}
    with repository.client.connection() as connection:
        connection.request("POST", path, [DATA] * pieces if pieces > 1 else DATA * pieces, **offer)
        connection.request("GET", "/v2/")
        answer = connection.receive()
        assert answer.status == 201
        assert answer.headers["Connection"] == "close"
        assert connection.rest() == b""


def test_an_old_client_is_not_told_to_go_on(repository: Repository) -> None:
    """It would take that for the answer (RFC 9110, 10.1.1)."""
    path = f"{repository.path}/blobs/uploads/?digest={digest_of(b'{}')}"
    head = "Host: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    with repository.client.connection() as connection:
        connection.send(f"POST {path} HTTP/1.0\r\n{head}".encode())
        connection.send(b"{}")
        assert connection.receive().status == 201
        assert connection.rest() == b""


@pytest.mark.parametrize(
    "expected",
    [
        *("100-Continue", "100-continue \t", "100-continue, 100-continue", ", 100-continue,"),
        *("100-continue\r\nExpect: other", "other\r\nExpect: 100-continue"),
    ],
)
def test_a_client_that_waits_may_write_it_as_it_likes(
    repository: Repository, expected: str
) -> None:
    location = repository.start_upload()
    with repository.client.connection() as connection:
        connection.request("PATCH", location, content_length="2", expect=expected)
        assert connection.receive().status == 100
        connection.send(b"{}")
        assert connection.receive().status == 202


def test_nobody_is_told_to_go_on_who_sends_no_body(client: Client) -> None:
    with client.connection() as connection:
        connection.request("POST", "/v2/a/blobs/uploads/", content_length="0")
        location = connection.receive().headers["Location"]
        connection.send(
            f"PATCH {location} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n".encode()
        )
        assert connection.receive().status == 202


def test_who_was_told_no_instead_of_to_go_on_begins_anew(client: Client) -> None:
    """What it would send next could be the body as well as a request."""
    with client.connection() as connection:
        connection.request("PUT", "/v2/BAD/manifests/v1", content_length="9", expect="100-continue")
        answer = connection.receive()
        assert answer.status == 400
        assert answer.headers["Connection"] == "close"
        assert connection.rest() == b""


@pytest.mark.parametrize("trailer", ["Connection: close", "Connection: Upgrade\r\nUpgrade: h2c"])
def test_a_trailer_does_not_end_the_connection(client: Client, trailer: str) -> None:
    """Or else whoever sends one would wait for the next answer for ever."""
    with client.connection() as connection:
        for _ in range(2):
            connection.send(
                b"GET /v2/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"2\r\n{}\r\n0\r\n%b\r\n\r\n" % trailer.encode()
            )
        assert [connection.receive().status for _ in range(2)] == [200, 200]


def test_a_request_that_names_a_whole_url_is_answered(guarded: Guarded) -> None:
    """As it would be sent to a proxy; its host is the one that counts (RFC 9112, 3.2.2)."""
    with guarded.client.connection() as connection:
        connection.send(b"GET http://registry.lan:8080/v2/ HTTP/1.1\r\nHost: other\r\n\r\n")
        challenge = connection.receive().headers["WWW-Authenticate"]
    assert "http://registry.lan:8080/token" in challenge


@pytest.mark.parametrize("pulls", [1, 3])
def test_a_client_may_close_its_side_when_it_has_asked(repository: Repository, pulls: int) -> None:
    """As `nc -N` does, and old programs; whatever was asked is answered, in its order."""
    digest = repository.push_blob(DATA * 32)
    with repository.client.connection() as connection:
        for _ in range(pulls):
            connection.request("GET", f"{repository.path}/blobs/{digest}")
        connection.end()
        for _ in range(pulls):
            assert connection.receive().body == DATA * 32
        assert connection.rest() == b""


@pytest.mark.parametrize("size", [2, 1_000_000, 5_000_000])
def test_a_client_may_close_its_side_when_it_has_pushed(repository: Repository, size: int) -> None:
    data = bytes(size)
    path = f"{repository.path}/blobs/uploads/?digest={digest_of(data)}"
    with repository.client.connection() as connection:
        connection.request("POST", path, data)
        connection.end()
        assert connection.receive().status == 201
        assert connection.rest() == b""


@pytest.mark.parametrize(
    "unfinished",
    ["GET /v2/ HT", "PUT /v2/a/manifests/v1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n{}"],
)
def test_what_a_client_has_not_finished_to_ask_when_it_closes_its_side_is_not_answered(
    client: Client, unfinished: str
) -> None:
    """What it has asked before is."""
    with client.connection() as connection:
        connection.request("GET", "/v2/")
        connection.send(unfinished.encode())
        connection.end()
        assert connection.receive().status == 200
        assert connection.rest() == b""


def test_what_came_of_a_body_is_kept_when_a_client_closes_its_side(repository: Repository) -> None:
    location = repository.start_upload()
    with repository.client.connection() as connection:
        connection.request("PATCH", location, DATA[:1000], content_length=str(len(DATA)))
        connection.end()
        assert connection.rest() == b""
    assert repository.client.ask("GET", location).headers["Range"] == "0-999"


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_what_follows_a_last_request_is_not_read(client: Client, version: str) -> None:
    """Neither as a request nor as a mistake."""
    for more in (b"\r\n" * 100_000, b"garbage", b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n" * 3000):
        with client.connection() as connection:
            last = f"GET /v2/ HTTP/{version}\r\nHost: x\r\nConnection: close\r\n\r\n"
            connection.send(last.encode() + more)
            assert connection.receive().status == 200
            assert connection.rest() == b""


def test_a_client_may_ask_for_the_end(client: Client) -> None:
    with client.connection() as connection:
        connection.request("GET", "/v2/", connection="close")
        assert connection.receive().headers["Connection"] == "close"
        assert connection.rest() == b""


def test_garbage_behind_a_request_is_no_part_of_its_answer(repository: Repository) -> None:
    """A second answer in the middle of a blob would be taken for the rest of it."""
    data = DATA * 32
    digest = repository.push_blob(data)
    with repository.client.connection() as connection:
        connection.request("GET", f"{repository.path}/blobs/{digest}")
        assert connection.receive(head=True).status == 200
        connection.send(b"garbage\r\n\r\n")
        received = connection.rest()

    assert len(received) < len(data)
    assert data.startswith(received)

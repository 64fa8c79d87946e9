"""Answers that never end, or are none: clients give them up, in a time, and say what they are."""

import re
import time
from typing import Any

import pytest

from lading.client import Client, ClientError, ContentWrong, HostLogin, SessionOptions, Unreachable
from lading.client import answers as client_answers
from lading.client.doctor import DoctorOptions, FindingState, examine
from tests.support.odd_registry import Reply, Sent, odd_registry
from tests.support.raw_server import Pieces, dripping, flooding, raw_server

# Which a client gives to what does not end, and to what is there as soon as the machine has time.
SECONDS, PATIENCE = 0.3, 60
OK = b"HTTP/1.1 200 OK\r\n"

HEADS: list[Any] = [
    pytest.param(dripping(b"", b"H"), id="status-dripping"),
    pytest.param(dripping(OK, b"A: b\r\n"), id="headers-dripping"),
    pytest.param(dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), id="continue-dripping"),
    pytest.param(flooding(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000), id="continue-flooding"),
]


def client_of(host: str, seconds: float = PATIENCE) -> Client:
    return Client(
        host,
        login=HostLogin("alice", "secret"),
        options=SessionOptions(plain_http=True, retries=0, read_seconds=seconds),
    )


@pytest.mark.parametrize("pieces", HEADS)
def test_a_head_that_does_not_end_is_given_up(pieces: Pieces) -> None:
    with raw_server(pieces) as host, client_of(host, SECONDS) as client:
        begun = time.monotonic()
        with pytest.raises(Unreachable):
            client.ping()
        assert time.monotonic() - begun < PATIENCE


@pytest.mark.parametrize("status", [OK, b"HTTP/1.1 404 No\r\n"])
@pytest.mark.parametrize("before", [b"3;", b"", b"3\r\nlay\r\n", b"0\r\n"])
def test_what_stands_around_chunks_and_does_not_end_is_given_up(
    before: bytes, status: bytes
) -> None:
    """None of it is a byte of the body, for which a client waits as long as some come."""
    begin = status + b"Transfer-Encoding: chunked\r\n\r\n" + before
    with raw_server(dripping(begin, b"0")) as host, client_of(host, SECONDS) as client:
        begun = time.monotonic()
        with pytest.raises(ClientError):
            client.manifest("app", "1")
        assert time.monotonic() - begun < PATIENCE


@pytest.mark.parametrize("pieces", HEADS)
def test_the_doctor_is_done_in_a_time(pieces: Pieces) -> None:
    with raw_server(pieces) as host:
        begun = time.monotonic()
        found = [*examine(f"http://{host}", DoctorOptions(push=True, seconds=SECONDS))]
        assert time.monotonic() - begun < PATIENCE
    assert FindingState.WRONG in {one.state for one in found}


def test_a_body_that_does_not_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an answer of which nothing is needed but the head, of an error, and of a document."""
    for name in ("_LEFT_SECONDS", "_ERROR_SECONDS"):
        monkeypatch.setattr(client_answers, name, SECONDS)
    length = b"Content-Length: 10000\r\n\r\n"

    def pieces(path: str) -> Any:
        status = {"/v2/": OK, "/v2/a/tags/list?n=1000": b"HTTP/1.1 404 No\r\n"}
        return dripping(status[path] + length)(path)

    with raw_server(pieces) as host, client_of(host) as client:
        client.ping()
        with pytest.raises(ClientError, match="404"):
            list(client.tags("a"))
        answer = client.session.request("GET", "/v2/")
        with pytest.raises(OSError, match="it does not end"):
            client_answers.read_bounded(answer, seconds=SECONDS)


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 20\r\n\r\n" + b"x" * 20,
        b"Transfer-Encoding: chunked\r\n\r\n14\r\n" + b"x" * 20 + b"\r\n0\r\n\r\n",
        b"\r\n" + b"x" * 20,
    ],
)
def test_a_document_that_is_too_long_is_called_that(body: bytes) -> None:
    """And not one that is cut off, which would be asked for again."""
    with raw_server(lambda _path: [OK + body]) as host, client_of(host) as client:
        answer = client.session.request("GET", "/v2/")
        with pytest.raises(ContentWrong, match="more than 10 bytes"):
            client_answers.read_bounded(answer, 10)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b"SSH-2.0-OpenSSH_9\r\n", "speaks no HTTP/1.1, but says 'SSH-2.0-OpenSSH_9"),
        (b"\0\0\x12\x04\0\0\0\0\0", "speaks no HTTP/1.1"),
        (b"HTTP/3.0 200 OK\r\n\r\n", "speaks no HTTP/1.1"),
        (b"", "closed without an answer"),
        (OK + b"A: b\r\n" * 200, "got more than 100 headers"),
    ],
)
def test_what_is_no_answer_is_said_in_words(said: bytes, expected: str) -> None:
    with raw_server(lambda _path: [said]) as host:
        with client_of(host) as client, pytest.raises(Unreachable, match=expected):
            client.ping()
        *_, finding, rest = examine(f"http://{host}", DoctorOptions(seconds=PATIENCE))
    assert (finding.name, rest.name) == ("answer", "rest")
    assert expected in finding.what


def test_a_chunk_of_a_length_below_zero_is_cut_off() -> None:
    chunked = OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n"
    with raw_server(lambda _path: [chunked]) as host, client_of(host) as client:
        client.ping()
        with pytest.raises(ClientError, match="cut off"):
            list(client.tags("a"))


def test_a_page_is_no_registry_that_a_login_is_right_for() -> None:
    def page(_sent: Sent) -> Reply:
        return Reply(body=b"<html>It works", headers={"Content-Type": "text/html; charset=x"})

    with odd_registry(page) as registry, client_of(registry.host) as client:
        with pytest.raises(ContentWrong, match="is a page"):
            client.ping()
        assert [sent.login for sent in registry.sent] == [""]


@pytest.mark.parametrize("realm", ["http://[::1/token", "http://127.0.0.1:x/token", "ftp://a/b"])
def test_the_doctor_names_a_realm_that_is_no_address(realm: str) -> None:
    found = _look(lambda _sent: _challenge(realm))
    assert "no address" in found["realm"]


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        (b"{}", 200, "a page instead"),
        (b'{"expires_in": 5}', 200, "an answer without a token"),
        (b'{"token": "a\\r\\nb"}', 200, "an answer without a token"),
        (b"<html>", 200, "a page instead"),
        (b"", 503, "the token server at .* answers with 503"),
    ],
)
def test_the_doctor_names_what_is_no_token(body: bytes, status: int, expected: str) -> None:
    def answer(sent: Sent) -> Reply:
        if sent.path.startswith("/token"):
            return Reply(status, body)
        return _challenge(f"http://{sent.headers['Host']}/token")

    assert re.search(expected, _look(answer)["realm"])


@pytest.mark.parametrize("location", ["http://[::1", "http://127.0.0.1:x/up", "javascript:x"])
def test_the_doctor_names_an_upload_that_is_nowhere(location: str) -> None:
    def answer(sent: Sent) -> Reply:
        if sent.method == "POST":
            return Reply(202, headers={"Location": location})
        return Reply(body=b"{}", headers={"Content-Type": "application/json"})

    found = _look(answer)
    assert "which is no address" in found["location"]
    assert "body" not in found


def _challenge(realm: str) -> Reply:
    return Reply(401, headers={"WWW-Authenticate": f'Bearer realm="{realm}",service="s"'})


def _look(answer: Any) -> dict[str, str]:
    with odd_registry(answer) as registry:
        options = DoctorOptions(push=True, seconds=PATIENCE)
        return {one.name: one.what for one in examine(f"http://{registry.host}", options)}

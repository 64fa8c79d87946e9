"""Connections of our own take answers apart as they are, and have no other after a doubtful one."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

import pytest

from lading.client.errors import ClientError, NoAnswer
from lading.client.kept_connections import HostAnswer, KeptConnection, OriginConnections
from lading.client.options import SessionOptions
from lading.client.wire import Content, head_of, send, wait_at_most

OK = b"HTTP/1.1 200 OK\r\n"
AS_IT_IS = OK + b"Transfer-Encoding: identity\r\nContent-Length: "
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@contextmanager
def asked(said: bytes, method: str = "GET") -> Iterator[tuple[HostAnswer, list[KeptConnection]]]:
    """The answer to a request by a connection, and the connections that wait for another one."""
    own, other = socket.socketpair()
    idle: list[KeptConnection] = []
    with own, other:
        other.sendall(said)
        other.shutdown(socket.SHUT_WR)
        own.settimeout(30)
        options = SessionOptions(read_seconds=30)
        kept = KeptConnection(own, options, idle)
        with_head = b"%b / HTTP/1.1\r\n\r\n" % method.encode()
        yield kept.ask(method, "http://there/", with_head), idle


def body(answer: HostAnswer) -> bytes:
    return b"".join(answer.stream(4))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (OK + b"Content-Length: 6\r\n\r\nlayers", b"layers"),
        (OK + b"A: b\r\n c\r\nContent-Length: 6\r\n\r\nlayers", b"layers"),
        (OK + b"Content-Length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 204 No\r\nContent-Length: 6\r\n\r\n", b""),
        (CHUNKED + b"3\r\nlay\r\n03;x=y\r\ners\r\n0\r\n\r\n", b"layers"),
        (CHUNKED + b"6\r\nlayers\r\n0\r\nTrailer: x\r\n\r\n", b"layers"),
        (b"HTTP/1.1 103 Early\r\nA: b\r\n\r\n" + OK + b"Content-Length: 1\r\n\r\nx", b"x"),
    ],
)
def test_a_connection_has_the_next_request_when_all_was_read(said: bytes, expected: bytes) -> None:
    with asked(said) as (answer, idle):
        assert body(answer) == expected
        answer.close()
        assert len(idle) == 1


@pytest.mark.parametrize(
    "said",
    [
        OK + b"\r\nlayers",
        OK + b"Connection: Close\r\nContent-Length: 6\r\n\r\nlayers",
        OK.replace(b"1.1", b"1.0") + b"Content-Length: 6\r\n\r\nlayers",
        OK + b"Content-Length: 6\r\n\r\nlayers and what nobody asked for",
        OK + b"Transfer-Encoding: Identity\r\n\r\nlayers",
        AS_IT_IS + b"6\r\n\r\nlayers and what nobody asked for",
    ],
)
def test_a_connection_that_ends_or_is_out_of_step_has_no_other_request(said: bytes) -> None:
    with asked(said) as (answer, idle):
        assert body(answer) == b"layers"
        answer.close()
        assert idle == []


def test_a_head_with_a_body_is_no_beginning_of_the_next_answer() -> None:
    """A HEAD has none, whatever is said; what comes though would be taken for another tag's."""
    with asked(OK + b"Content-Length: 6\r\n\r\nlayers", "HEAD") as (answer, idle):
        assert body(answer) == b""
        answer.close()
        assert idle == []


@pytest.mark.parametrize("expected", [b"layers", b""])
def test_a_body_that_is_coded_as_it_is_ends_with_its_length(expected: bytes) -> None:
    """And not with the connection, which would be waited for."""
    own, other = socket.socketpair()
    with own, other:
        other.sendall(AS_IT_IS + b"%d\r\n\r\n%b" % (len(expected), expected))
        kept = KeptConnection(own, SessionOptions(read_seconds=5), [])
        assert body(kept.ask("GET", "http://there/", b"GET / HTTP/1.1\r\n\r\n")) == expected


@pytest.mark.parametrize("said", [b"", OK, OK + b"Content-Length: 6\r\n\r\nlaye"])
def test_who_says_nothing_more_is_waited_for_a_time(said: bytes) -> None:
    own, other = socket.socketpair()
    with own, other:
        wait_at_most(own, 0.1)
        other.sendall(said)
        kept = KeptConnection(own, SessionOptions(read_seconds=0.1), [])
        with pytest.raises(TimeoutError):
            body(kept.ask("GET", "http://there/", b"GET / HTTP/1.1\r\n\r\n"))


@pytest.mark.parametrize("is_closed", [True, False])
def test_a_connection_with_a_body_that_was_not_read_is_ended(*, is_closed: bool) -> None:
    with asked(OK + b"Content-Length: 6\r\n\r\nlayers") as (answer, idle):
        kept = answer._kept
        assert kept is not None
        if is_closed:
            answer.close()
        del answer
        assert idle == []
        assert kept._connection.fileno() == -1


def test_bytes_that_come_unasked_end_a_connection() -> None:
    own, other = socket.socketpair()
    with own, other:
        own.settimeout(30)
        kept = KeptConnection(own, SessionOptions(), [])
        assert not kept.is_over()
        other.sendall(b"HTTP/1.1 408 Too late\r\n\r\n")
        assert kept.is_over()


@pytest.mark.parametrize(
    "said",
    [
        OK + b"Content-Length: 6\r\n\r\nlaye",
        AS_IT_IS + b"6\r\n\r\nlaye",
        CHUNKED + b"6\r\nlaye",
        CHUNKED + b"6\r\nlayers",
        CHUNKED + b"6\r\nlayers\r\n0\r\n",
        CHUNKED + b"3\r\nlayers\r\n0\r\n\r\n",
        CHUNKED + b"+6\r\nlayers\r\n0\r\n\r\n",
        CHUNKED + b"6_0\r\nlayers\r\n0\r\n\r\n",
        CHUNKED + b"\r\nlayers\r\n0\r\n\r\n",
        CHUNKED + b"f" * 19 + b"\r\nlayers",
        CHUNKED + b"6\nlayers\n0\n\n",
        CHUNKED + b"6\r\nlayers\r\n0\r\nA: " + b"b" * 70_000,
        CHUNKED + b"6;" + b"x" * 70_000,
        CHUNKED + b"0\r\n" + b"A: b\r\n" * 200 + b"\r\n",
    ],
)
def test_a_body_that_is_not_whole_is_none(said: bytes) -> None:
    with asked(said) as (answer, _), pytest.raises(NoAnswer):
        body(answer)


@pytest.mark.parametrize(
    "said",
    [
        OK + b"Content-Length: 6\r\nContent-Length: 7\r\n\r\nlayers",
        OK + b"Content-Length: 6\r\nContent-Length: 6\r\n\r\nlayers",
        OK + b"Content-Length: nonsense\r\n\r\nlayers",
        OK + b"Content-Length: -1\r\n\r\nlayers",
        OK + b"Content-Length: " + b"9" * 30 + b"\r\n\r\nlayers",
        OK.replace(b"\r\n", b"\n") + b"\nlayers",
        OK + b"no header\r\n\r\nlayers",
        OK + b"A: b\r\n" * 101 + b"\r\n",
        OK + b"A: " + b"b" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 3000 + OK + b"\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"A" * 70_000,
    ],
)
def test_what_can_be_read_in_two_ways_is_no_answer(said: bytes) -> None:
    with pytest.raises(NoAnswer), asked(said):
        pass


@pytest.mark.parametrize("more", [b"", b"Content-Length: 6\r\n", CHUNKED[len(OK) : -2]])
def test_a_connection_has_the_next_request_after_a_head_alone(more: bytes) -> None:
    """Whatever it says of the body that it has not; many say nothing of one that is not there."""
    with asked(OK + more + b"\r\n", "HEAD") as (answer, idle):
        answer.close()
        assert len(idle) == 1


def test_a_connection_has_no_other_request_in_another_protocol() -> None:
    said = b"HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\nwhat is none of HTTP/1.1"
    with asked(said) as (answer, idle):
        assert (answer.status, body(answer)) == (101, b"")
        answer.close()
        assert idle == []


def test_headers_are_found_in_any_case() -> None:
    said = OK + b"LINK: <a>\r\nlink: <b>\r\nContent-Length: 0\r\n\r\n"
    with asked(said) as (answer, _):
        assert answer.headers.getlist("Link") == ["<a>", "<b>"]
        assert answer.headers.get("Link") == "<a>, <b>"
        assert answer.headers.get("None", "-") == "-"
        assert "link" in answer.headers
        assert "none" not in answer.headers


@pytest.mark.parametrize(
    ("url", "line", "host"),
    [
        ("http://there/v2/?a=%20b&c=[d]#e", "GET /v2/?a=%20b&c=[d] HTTP/1.1", "there"),
        ("http://me:pw@there:80/\r\nA: b", "GET /%0D%0AA:%20b HTTP/1.1", "there"),
        ("http://[::1]:5000?x", "GET /?x HTTP/1.1", "[::1]:5000"),
        ("http://there:81/\xe9", "GET /%C3%A9 HTTP/1.1", "there:81"),
    ],
)
def test_an_address_is_one_line(
    url: str, line: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(KeptConnection, "is_over", lambda _: False)  # as the answer is there before
    connections = OriginConnections(urlsplit(url), SessionOptions())
    own, other = socket.socketpair()
    with own, other, closing(connections):
        own.settimeout(30)
        connections._idle.append(KeptConnection(own, SessionOptions(), connections._idle))
        with pytest.raises(ValueError, match="lines"):
            connections.send("GET", url, {"A": "b\r\nC: d"}, None)
        other.sendall(OK + b"Content-Length: 0\r\n\r\n")
        connections.send("GET", url, {"A": "b"}, None).close()
        sent = other.recv(1000).decode()
    assert sent == f"{line}\r\nHost: {host}\r\nA: b\r\n\r\n"


@pytest.mark.parametrize(
    ("method", "said", "content", "expected"),
    [
        ("PUT", {}, b"layers", b"Content-Length: 6\r\n\r\nlayers"),
        ("PUT", {"Content-Length": "6"}, [b"lay", b"ers"], b"Content-Length: 6\r\n\r\nlayers"),
        ("POST", {}, None, b"Content-Length: 0\r\n\r\n"),
        ("POST", {}, b"", b"Content-Length: 0\r\n\r\n"),
        ("GET", {}, None, b"\r\n"),
    ],
)
def test_a_body_follows_its_head(
    method: str, said: dict[str, str], content: Content, expected: bytes
) -> None:
    head = head_of(method, "/x", said, content)
    own, other = socket.socketpair()
    with own, other:
        assert send(own, head, content)
        own.close()
        assert other.recv(1000) == b"%b /x HTTP/1.1\r\n%b" % (method.encode(), expected)


def test_a_body_without_a_length_is_refused() -> None:
    with pytest.raises(ValueError, match="without a length"):
        head_of("PUT", "/x", {}, iter([b"layers"]))


def test_an_early_answer_is_read_though_the_body_is_not_taken() -> None:
    own, other = socket.socketpair()
    idle: list[KeptConnection] = []
    with own, other:
        own.settimeout(30)
        other.sendall(b"HTTP/1.1 413 Too large\r\nContent-Length: 0\r\n\r\n")
        other.close()
        kept = KeptConnection(own, SessionOptions(), idle)
        answer = kept.ask("PUT", "http://there/", b"", iter([b"x" * 65536] * 100))
        assert answer.status == 413
        answer.close()
        assert idle == []


def test_who_takes_no_more_of_a_body_is_waited_for_a_time() -> None:
    own, other = socket.socketpair()
    with own, other:
        wait_at_most(own, 0.1)
        with pytest.raises(TimeoutError):
            send(own, b"", bytes(10_000_000))


@pytest.mark.parametrize("error", [ConnectionResetError(), BrokenPipeError(), ClientError("no")])
def test_a_body_that_cannot_be_had_is_no_answer(error: Exception) -> None:
    """As of a file, or of another registry, of whose connection an error may tell, too."""

    def pieces() -> Iterator[bytes]:
        yield b"lay"
        raise error

    own, other = socket.socketpair()
    with own, other:
        kept = KeptConnection(own, SessionOptions(), [])
        with pytest.raises(type(error)):
            kept.ask("PUT", "http://there/", b"", pieces())
        assert own.fileno() == -1

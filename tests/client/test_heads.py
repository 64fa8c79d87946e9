"""Heads of answers are read as Python reads them, but quicker, whatever strangers write there."""

import io
import socket
from collections.abc import Iterator
from http.client import HTTPException, HTTPMessage, parse_headers

import pytest

from lading.client import Client, ClientError, SessionOptions, Unreachable
from lading.client.heads import read_headers
from lading.client.timed import TimedResponse
from lading.system.whole_heads import HeadCutOff
from tests.support.raw_server import raw_server

BODY = b'{"tags": ["1"]}'
LENGTH = b"Content-Length: 15\r\n"


def read(head: bytes) -> HTTPMessage:
    return read_headers(io.BufferedReader(io.BytesIO(head)))


@pytest.mark.parametrize(
    "head",
    [
        b"A: b\r\nC:d \r\n\r\n",
        b"A: b\nC: d\n\n",
        b"Link: <a>\r\nlink: <b>\r\n\r\n",
        b"Name: \xe9\xff\r\n\r\n",
        b"Empty:\r\n\r\n",
        b"With: colons: in it\r\n\r\n",
        b"\r\n",
    ],
)
def test_headers_are_those_that_python_reads(head: bytes) -> None:
    expected = parse_headers(io.BufferedReader(io.BytesIO(head)))

    found = read(head)

    assert [(n, str(v).strip()) for n, v in expected.items()] == found.items()
    for name in (*expected.keys(), "Missing"):
        said = expected.get_all(name)
        assert (said and [one.strip() for one in said]) == found.get_all(name)
        assert (found.get(name.upper()) is None) == (expected.get(name) is None)


def test_a_line_that_goes_on_is_one_line() -> None:
    assert read(b" alone\r\nA: b\r\n  c\r\n\td\r\nE: f\r\n\r\n").items() == [
        ("A", "b c d"),
        ("E", "f"),
    ]


def test_a_line_without_a_colon_takes_no_other_with_it() -> None:
    assert read(b"A: b\r\nno header\r\n: none\r\nC: d\r\n\r\n").items() == [("A", "b"), ("C", "d")]


@pytest.mark.parametrize("head", [b"A: b\r\n" * 101, b"A: " + b"b" * 70_000])
def test_what_is_too_much_is_refused(head: bytes) -> None:
    with pytest.raises(HTTPException):
        read(head)


@pytest.mark.parametrize("head", [b"", b"A: b", b"A: b\r\n", b"A: b\r\nC: d\r", b"A: b\r\n c"])
def test_a_head_that_ends_with_the_connection_is_cut_off(head: bytes) -> None:
    with pytest.raises(HeadCutOff):
        read(head)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 20",
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\n" + LENGTH,
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n",
        b"HTTP/1.1 100 Continue\r\n",
    ],
)
def test_a_request_is_sent_again_whose_answer_ends_within_its_head(head: bytes) -> None:
    """A HEAD of a tag would be answered by it with 404, and a copy begun anew."""
    asked: list[str] = []

    def answer(path: str) -> Iterator[bytes]:
        asked.append(path)
        yield head if len(asked) == 1 else b"HTTP/1.1 200 OK\r\n" + LENGTH + b"\r\n" + BODY

    options = SessionOptions(plain_http=True, retries=1)
    with raw_server(answer) as host, Client(host, options=options) as client:
        assert list(client.tags("app")) == ["1"]
    assert len(asked) == 2


def test_a_head_that_is_cut_off_each_time_is_said_in_words() -> None:
    with pytest.raises(Unreachable, match="closed within the head of the answer"):
        tags_of(b"HTTP/1.1 200 OK\r\n" + LENGTH)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\n" + LENGTH,
        b"HTTP/1.1 200\r\n" + LENGTH,
        b"HTTP/1.0 200 OK\r\n",
        b"HTTP/0.9 200 OK\r\nConnection: keep-alive\r\n" + LENGTH,
        b"HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n" + LENGTH,
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n" + LENGTH,
    ],
)
def test_a_body_is_as_long_as_its_head_says_or_ends_with_the_connection(head: bytes) -> None:
    assert tags_of(head + b"\r\n" + BODY) == ["1"]


def test_a_body_in_chunks_is_read_whatever_length_is_said() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nContent-Length: 3\r\n\r\n"

    assert tags_of(head + b"f\r\n" + BODY + b"\r\n0\r\n\r\n") == ["1"]


@pytest.mark.parametrize("status", [b"HTTP/2.0 200 OK", b"SSH-2.0-x", b"HTTP/1.1 abc OK"])
def test_what_is_no_http_is_an_error(status: bytes) -> None:
    with pytest.raises(ClientError):
        tags_of(status + b"\r\n" + LENGTH + b"\r\n" + BODY)


@pytest.mark.parametrize(
    ("method", "status", "length"),
    [("HEAD", b"200 OK", 0), ("GET", b"204 No", 0), ("GET", b"304 No", 0), ("GET", b"200 OK", 15)],
)
def test_an_answer_has_the_body_that_its_request_allows(
    method: str, status: bytes, length: int
) -> None:
    own, other = socket.socketpair()
    with own, other:
        other.sendall(b"HTTP/1.1 " + status + b"\r\n" + LENGTH + b"\r\n")
        answer = TimedResponse(own, method=method)
        answer.begin()

    assert (answer.length, answer.will_close) == (length, False)


def tags_of(answer: bytes) -> list[str]:
    """The tags that a server tells by these bytes, after which it hangs up."""
    options = SessionOptions(plain_http=True, retries=0)
    with raw_server(lambda _: iter([answer])) as host, Client(host, options=options) as client:
        return list(client.tags("app"))

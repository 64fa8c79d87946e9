"""Heads of answers count as a whole, and say of their bodies where these end."""

from collections.abc import Iterator

import pytest

from lading.client import Client, ClientError, SessionOptions, Unreachable
from tests.support.raw_server import raw_server

BODY = b'{"tags": ["1"]}'
LENGTH = b"Content-Length: 15\r\n"


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


def tags_of(answer: bytes) -> list[str]:
    """The tags that a server tells by these bytes, after which it hangs up."""
    options = SessionOptions(plain_http=True, retries=0)
    with raw_server(lambda _: iter([answer])) as host, Client(host, options=options) as client:
        return list(client.tags("app"))

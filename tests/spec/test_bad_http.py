"""What is not HTTP, or more of it than one request may be; see `test_bad_inputs.py`.

It gets an answer in the API's own words, too, then the connection is closed.
"""

import pytest

from tests.support.victims import Victim

HOST = b"Host: registry\r\n"
ENOUGH = 1_000_000


def request(line: bytes, *headers: bytes, body: bytes = b"") -> bytes:
    """A request as bytes, with one `Host`."""
    return line + b"\r\n" + HOST + b"".join(header + b"\r\n" for header in headers) + b"\r\n" + body


START = b"POST /v2/app/blobs/uploads/ HTTP/1.1"
GET = b"GET /v2/ HTTP/1.1"
DELETE = b"DELETE /v2/app/manifests/latest HTTP/1.1"
PUSH = b"PUT /v2/app/manifests/v1 HTTP/1.1"
CHUNKED = b"Transfer-Encoding: chunked"
UPGRADE = b"Connection: Upgrade\r\nUpgrade: h2c"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(b"hello\r\n\r\n", 400, id="no request line"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, id="TLS"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, id="HTTP/2"),
        pytest.param(request(b"NONSENSE /v2/ HTTP/1.1"), 400, id="no method"),
        pytest.param(request(b"GET v2/ HTTP/1.1"), 400, id="no path"),
        pytest.param(request(b"GET /v2/ /v2/ HTTP/1.1"), 400, id="two paths"),
        pytest.param(request(b"GET /v2/\xc3\xa9 HTTP/1.1"), 400, id="path not in ASCII"),
        pytest.param(request(b"GET /v2/\x00 HTTP/1.1"), 400, id="path with NUL"),
        pytest.param(request(b"GET /v2/ HTTP/9.9"), 400, id="no version"),
        pytest.param(request(b"GET /v2/ HTTP/2.0"), 505, id="version of another protocol"),
        pytest.param(request(b"GET /v2/ HTTP/0.9"), 505, id="version from before there was one"),
        pytest.param(b"GET /v2/\r\n\r\n", 505, id="no version"),
        pytest.param(request(b"GET /v2/ HTTP/1.1 "), 400, id="space behind the version"),
        pytest.param(b"GET /v2/ HTTP/1.1\n" + b"Host: a\n\n", 400, id="lines without CR"),
        pytest.param(b"GET /v2/ HTTP/1.1\r\n " + HOST + b"\r\n", 400, id="space before a header"),
        pytest.param(request(GET, b"X : y"), 400, id="space before a colon"),
        pytest.param(request(GET, b"X: y\r\n z"), 400, id="header on two lines"),
        pytest.param(request(GET, b": y"), 400, id="header without a name"),
        pytest.param(request(b"GET /v2/#x HTTP/1.1"), 400, id="path with a fragment"),
        pytest.param(request(b"GET ftp://a/v2/ HTTP/1.1"), 400, id="URL of another protocol"),
        pytest.param(request(b"GET http://user@a/v2/ HTTP/1.1"), 400, id="URL with a user"),
        pytest.param(request(b"GET http:///v2/ HTTP/1.1"), 400, id="URL without a host"),
        pytest.param(request(b"CONNECT a:443 HTTP/1.1"), 400, id="CONNECT"),
        pytest.param(b"GET /v2/ HTTP/1.1\r\n\r\n", 400, id="no host"),
        pytest.param(request(b"GET /v2/ HTTP/1.1", HOST.strip()), 400, id="two hosts"),
        *[
            pytest.param(b"GET /v2/ HTTP/1.1\r\nHost: " + host + b"\r\n\r\n", 400, id=name)
            for name, host in {
                "two hosts in one": b"a b",
                "host with a path": b"registry/x",
                "host with a user": b"user@registry",
                "host with a quote": b'registry"',
                "host that would end a challenge": b'a",x="b',
                "host in angle brackets": b"<registry>",
                "host not in ASCII": b"registr\xc3\xbf",
                "host with a tab": b"a\tb",
            }.items()
        ],
        pytest.param(request(b"GET http://a<b/v2/ HTTP/1.1"), 400, id="URL with no host's name"),
        pytest.param(request(b"GET /v2/ HTTP/1.1", b"X: a\x00b"), 400, id="header with NUL"),
        pytest.param(request(b"GET /v2/ HTTP/1.1", b"X: a\rY: b"), 400, id="header with CR"),
        pytest.param(request(b"GET /v2/ HTTP/1.1", b"X Y: z"), 400, id="header name with space"),
        pytest.param(request(b"GET /v2/ HTTP/1.1", b"nothing"), 400, id="header without colon"),
        pytest.param(request(START, b"Content-Length: -1"), 400, id="negative length"),
        pytest.param(request(START, b"Content-Length: 1x"), 400, id="length no number"),
        pytest.param(request(START, b"Content-Length: +1", body=b"x"), 400, id="length with sign"),
        pytest.param(request(START, b"Content-Length: " + b"9" * 30), 400, id="absurd length"),
        pytest.param(
            request(START, b"Content-Length: 1", b"Content-Length: 2", body=b"xx"),
            400,
            id="two lengths",
        ),
        pytest.param(
            request(START, b"Content-Length: 1", b"Content-Length: 1", body=b"x"),
            400,
            id="one length twice",
        ),
        pytest.param(
            request(START, b"Content-Length: 5", CHUNKED, body=b"0\r\n\r\n"),
            400,
            id="length and chunks",
        ),
        pytest.param(
            request(START, b"Transfer-Encoding: gzip", body=b"x"),
            400,
            id="coding that is not known",
        ),
        *(
            pytest.param(
                request(START, b"Transfer-Encoding: " + codings, body=b"0\r\n\r\n"),
                status,
                id=f"codings: {codings.decode()}",
            )
            for codings, status in {
                b"gzip, chunked": 501,
                b"GZIP,Chunked": 501,
                b"gzip\r\nTransfer-Encoding: chunked": 501,
                b"identity, chunked": 501,
                b"chunked, gzip": 400,
                b"chunked, chunked": 400,
                b"chunked\r\nTransfer-Encoding: chunked": 400,
                b"chunked;x=y": 400,
                b"identity": 400,
            }.items()
        ),
        pytest.param(
            request(b"POST /v2/app/blobs/uploads/ HTTP/1.0", CHUNKED, body=b"0\r\n\r\n"),
            400,
            id="chunks of HTTP/1.0",
        ),
        pytest.param(
            request(START, CHUNKED, body=b"0\r\nContent-Length: 1\r\n\r\n"),
            400,
            id="length as a trailer",
        ),
        pytest.param(
            request(START, UPGRADE, b"Content-Length: 5", CHUNKED, body=b"0\r\n\r\n"),
            400,
            id="length and chunks with an offer to upgrade",
        ),
        pytest.param(request(START, CHUNKED, body=b"ZZ\r\n\r\n"), 400, id="POST of no chunks"),
        pytest.param(
            request(START, CHUNKED, body=b"-1\r\nx\r\n"), 400, id="POST of less than none"
        ),
        pytest.param(request(DELETE, CHUNKED, body=b"ZZ\r\n\r\n"), 400, id="DELETE with no chunks"),
        pytest.param(request(PUSH, CHUNKED, body=b"2\r\n{}!!"), 400, id="PUT of no chunks"),
        pytest.param(
            request(PUSH, CHUNKED, body=b"f" * 30 + b"\r\n"), 400, id="PUT of an absurd chunk"
        ),
        pytest.param(request(b"GET /" + b"x" * ENOUGH + b" HTTP/1.1"), 414, id="long path"),
        pytest.param(request(b"GET /v2/?" + b"x=y&" * ENOUGH + b" HTTP/1.1"), 414, id="long query"),
        pytest.param(request(b"GET /v2/ HTTP/1.1", b"X: " + b"y" * ENOUGH), 431, id="long header"),
        pytest.param(request(b"GET /v2/ HTTP/1.1", *[b"X: y"] * ENOUGH), 431, id="many headers"),
        pytest.param(
            b"GET /v2/ HTTP/1.1\r\n" + HOST + b"X: " + b"y" * ENOUGH, 431, id="header without end"
        ),
        pytest.param(b"GET /" + b"x" * ENOUGH, 414, id="path without end"),
        pytest.param(b"\r\n" * ENOUGH, 400, id="blank lines without end"),
        pytest.param(b"GET " + b" " * ENOUGH, 431, id="spaces without end"),
        pytest.param(request(GET, *[b"a:"] * 60_000), 431, id="many empty headers"),
        pytest.param(request(GET, *[b"X: y"] * 200), 431, id="many short headers"),
        pytest.param(request(GET, b"X:" + b" " * 100_000), 431, id="header of spaces"),
        pytest.param(
            b"GET /v2/ HTTP/1.1\r\n" + HOST + b"a:\r\n" * 60_000, 431, id="headers without end"
        ),
        pytest.param(
            request(PUSH, CHUNKED, body=b"2\r\n{}\r\n0\r\n" + b"X: y\r\n" * ENOUGH),
            431,
            id="trailers without end",
        ),
        pytest.param(
            request(PUSH, CHUNKED, body=b"2\r\n{}\r\n0\r\nX: " + b"y" * ENOUGH),
            431,
            id="trailer without end",
        ),
        pytest.param(
            request(PUSH, CHUNKED, body=b"2\r\n{}\r\n0\r\n" + b"a:\r\n" * 4000 + b"\r\n"),
            431,
            id="many trailers",
        ),
        pytest.param(
            request(PUSH, CHUNKED, body=b"0\r\nX: " + b"y" * 10_000 + b"\r\n\r\n"),
            431,
            id="long trailer",
        ),
        pytest.param(
            request(PUSH, CHUNKED, body=b"2;x=" + b"y" * ENOUGH), 431, id="extension without end"
        ),
        pytest.param(
            request(PUSH, CHUNKED, body=b"1;x=yyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n \r\n" * 20_000),
            431,
            id="an extension for each byte",
        ),
        pytest.param(
            request(PUSH, CHUNKED, body=b"0" * ENOUGH), 431, id="size of a chunk without end"
        ),
        pytest.param(
            request(PUSH, UPGRADE, CHUNKED, body=b"0\r\n" + b"X: y\r\n" * ENOUGH),
            431,
            id="trailers without end behind an offer to upgrade",
        ),
    ],
)
def test_it_is_refused_and_changes_nothing(victim: Victim, sent: bytes, status: int) -> None:
    with victim.unchanged(), victim.client.connection() as connection:
        connection.send(sent)
        answer = connection.receive()

        assert answer.status == status
        assert answer.codes == ["UNSUPPORTED"]
        victim.assert_tells_nothing(answer)
        assert answer.headers["Connection"] == "close"
        assert connection.rest() == b""


BEFORE = {
    "nothing": b"",
    "a request": request(GET),
    "a body": request(PUSH, b"Content-Length: 2", body=b"{}"),
    "chunks": request(PUSH, CHUNKED, body=b"2\r\n{}\r\n0\r\nX: y\r\n\r\n"),
    "an offer to upgrade": request(PUSH, UPGRADE, b"Content-Length: 2", body=b"{}"),
    "a body past the parser": request(
        b"PATCH /v2/app/blobs/uploads/none HTTP/1.1", b"Content-Length: 600000", body=bytes(600_000)
    ),
}


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(request(GET, b"X: " + b"y" * 100_000), 431, id="long header"),
        pytest.param(request(GET, *[b"a:"] * 200), 431, id="many headers"),
        pytest.param(request(GET, b"X: " + b"y" * ENOUGH), 431, id="very long header"),
        pytest.param(request(b"GET /" + b"x" * 20_000 + b" HTTP/1.1"), 414, id="long path"),
        pytest.param(b"\r\n" * 100_000, 400, id="blank lines"),
        pytest.param(
            request(PUSH, CHUNKED, body=b"0\r\nX: " + b"y" * 100_000), 431, id="long trailer"
        ),
        pytest.param(request(PUSH, CHUNKED, body=b"1;" + b"y" * 100_000), 431, id="long extension"),
    ],
)
@pytest.mark.parametrize("waits", [False, True], ids=["at once", "in turn"])
def test_what_is_too_large_is_so_behind_whatever_came_before(
    victim: Victim, before: str, sent: bytes, status: int, *, waits: bool
) -> None:
    """A limit that holds for the first request of a connection only is none."""
    with victim.unchanged(), victim.client.connection() as connection:
        connection.send(BEFORE[before] + (b"" if waits else sent))
        if waits:
            if BEFORE[before]:
                connection.receive()
            connection.send(sent)
        while (answer := connection.receive()).headers["Connection"] != "close":
            pass
        assert answer.status == status
        assert connection.rest() == b""


def test_who_was_answered_already_cannot_go_on_without_end(victim: Victim) -> None:
    with victim.unchanged(), victim.client.connection() as connection:
        connection.send(request(GET, CHUNKED))
        assert connection.receive().status == 200
        connection.send(b"0\r\n" + b"X: y\r\n" * 100_000)
        assert connection.receive().status == 431
        assert connection.rest() == b""


@pytest.mark.parametrize(
    "sent",
    [
        b"\r\n\r\n" + request(GET),
        request(GET, *[b"X: y"] * 100),
        request(GET, b"X: " + b"y" * 60_000),
        request(b"GET /v2/?" + b"x" * 16_000 + b" HTTP/1.1", b"X: " + b"y" * 60_000),
        request(GET, CHUNKED, body=b"0\r\n" + b"X: y\r\n" * 100 + b"\r\n"),
        request(GET, CHUNKED, body=b"2;signature=" + b"x" * 64 + b"\r\n{}\r\n0\r\n\r\n"),
        request(GET, CHUNKED, body=b"1\r\nx\r\n" * 50_000 + b"0\r\n\r\n"),
    ],
    ids=["blank lines", "headers", "header", "URL", "trailers", "extension", "small chunks"],
)
@pytest.mark.parametrize("size", [1_000_000, 50, 7])
def test_what_is_just_large_is_read(victim: Victim, sent: bytes, size: int) -> None:
    """However it is cut into packets, and as often as one likes."""
    with victim.client.connection() as connection:
        for _ in range(3 if size > 7 else 1):
            pieces = [sent[start : start + size] for start in range(0, len(sent), size)]
            for piece in pieces if len(pieces) < 500 else [sent]:
                connection.send(piece)
            assert connection.receive().status == 200


@pytest.mark.parametrize(
    "host", [b"", b"registry.lan:5000", b"[::1]:5000", b"[fe80::1%25eth0]", b"my_host", b"a%C3%BF"]
)
def test_whatever_is_a_host_is_one(victim: Victim, host: bytes) -> None:
    with victim.client.connection() as connection:
        connection.send(b"GET /v2/ HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
        assert connection.receive().status == 200


def test_a_head_that_is_refused_gets_no_body_if_it_asked_for_none(victim: Victim) -> None:
    with victim.client.connection() as connection:
        connection.send(request(b"HEAD /v2/ HTTP/1.1", b"X: " + b"y" * 100_000))
        assert connection.receive(head=True).status == 431
        assert connection.rest() == b""

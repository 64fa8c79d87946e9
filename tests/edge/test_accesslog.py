"""The lines of the access log."""

import asyncio
import json
import logging
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from lading.api.routes import ROUTES
from lading.edge.accesslog import MOMENT, AccessLog, json_line, printable, text_line
from lading.edge.endpoints import find_route
from tests.edge.requests import answered, request


async def test_a_line_is_written_soon(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nothing has to come after it for it to be seen."""
    with caplog.at_level(logging.INFO, "lading.access"):
        coming = request("GET", "/v2/", {"User-Agent": "curl/8"})
        coming.id = "5f2c"
        AccessLog(text_line).note(answered(coming, 200, size=2))
        await asyncio.sleep(2 * MOMENT)

    assert caplog.messages == [
        ' - - [01/Jan/1970:00:00:00 +0000] "GET /v2/ HTTP/1.1" 200 2 "" "curl/8" 5f2c 0.000 0 -'
    ]


async def test_requests_of_one_moment_share_a_record(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each has its own line all the same, in the order in which they were answered."""
    access_log = AccessLog(text_line)
    with caplog.at_level(logging.INFO, "lading.access"):
        for status in (200, 404):
            access_log.note(answered(request("GET", "/v2/"), status))
        await asyncio.sleep(2 * MOMENT)
        access_log.note(answered(request("GET", "/v2/"), 500))
        await asyncio.sleep(2 * MOMENT)

    assert [
        [line.split('" ')[1][:3] for line in message.split("\n")] for message in caplog.messages
    ] == [["200", "404"], ["500"]]


async def test_a_client_cannot_forge_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """Line ends and quotes are written as escapes."""
    with caplog.at_level(logging.INFO, "lading.access"):
        coming = request("GET", '/v2/\n"', {"User-Agent": 'a"\tb'})
        AccessLog(text_line).note(answered(coming, 404))
        await asyncio.sleep(2 * MOMENT)

    (line,) = caplog.messages
    assert line == (
        ' - - [01/Jan/1970:00:00:00 +0000] "GET /v2/\\x0a\\x22 HTTP/1.1" 404 0 ""'
        ' "a\\x22\\x09b"  0.000 0 -'
    )


async def test_no_sign_of_unicode_ends_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """Nor turns what is on it around, nor acts in a terminal."""
    with caplog.at_level(logging.INFO, "lading.access"):
        coming = request("GET", "/v2/a\u2028b\x85c\u202ed\x1b[31m")
        coming.caller = "al\u2029 ice"
        AccessLog(text_line).note(answered(coming, 404))
        await asyncio.sleep(2 * MOMENT)

    (line,) = caplog.messages
    assert len(line.splitlines()) == 1
    assert "/v2/a\\u2028b\\x85c\\u202ed\\x1b[31m" in line
    assert " - al\\u2029\\x20ice [" in line


async def test_a_line_says_which_repository_and_how_long(caplog: pytest.LogCaptureFixture) -> None:
    """Its name is what the client sent: it cannot forge another column."""
    coming = request("PUT", "/v2/a b/manifests/1")
    coming.id = "5f2c"
    found = find_route(ROUTES, coming.path)
    with caplog.at_level(logging.INFO, "lading.access"):
        log = AccessLog(text_line)
        log.note(replace(answered(coming, 201), found=found, seconds=0.0125, received=1234))
        log.flush()
    (line,) = caplog.messages
    assert line.endswith('"" "" 5f2c 0.013 1234 a\\x20b')


async def test_a_line_of_json(caplog: pytest.LogCaptureFixture) -> None:
    """One object, by the names of the audit log; in ASCII, so that nothing acts in a terminal."""
    coming = request("GET", "/v2/team/app/manifests/\u202e?n=1", {"User-Agent": 'a"\x1b'})
    coming.id, coming.caller = "5f2c", "alice"
    found = find_route(ROUTES, coming.path)
    with caplog.at_level(logging.INFO, "lading.access"):
        log = AccessLog(partial(json_line, {"service": "registry"}))
        log.note(replace(answered(coming, 200, size=2), found=found, digest="sha256:1"))
        log.flush()
    (line,) = caplog.messages
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line) == {
        "service": "registry",
        "time": "1970-01-01T00:00:00.000Z",
        "level": "info",
        "msg": "GET /v2/team/app/manifests/\u202e?n=1",
        "who": "alice",
        "repository": "team/app",
        "digest": "sha256:1",
        "request": "5f2c",
        "status": 200,
        "sent": 2,
        "received": 0,
        "seconds": 0,
        "agent": 'a"\x1b',
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain, ünd mit Umlaut 鯨", "plain, ünd mit Umlaut 鯨"),
        ("a\nb\tc", "a\\x0ab\\x09c"),
        ("a\x85b\u2028c\u2029d", "a\\x85b\\u2028c\\u2029d"),
        ("a\u202eb\u2066c", "a\\u202eb\\u2066c"),
        ("a\u200bb\ufeffc", "a\\u200bb\\ufeffc"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_what_does_not_print_is_escaped(text: str, expected: str) -> None:
    """In text of strangers: ends of lines, controls, and signs for the direction of writing."""
    assert printable(text) == expected


def test_more_signs_can_be_escaped() -> None:
    """Those that mean something where the text goes."""
    assert printable('say "a\\b"', '"\\') == "say \\x22a\\x5cb\\x22"


@given(st.text())
def test_any_text(text: str) -> None:
    """Is one line, whoever splits it, and prints."""
    assert len(printable(text).splitlines()) <= 1
    assert printable(text).isprintable()

"""The lines of the access log."""

import asyncio
import logging

import pytest

from lading.edge.accesslog import MOMENT, AccessLog
from tests.edge.requests import answered, request


async def test_a_line_is_written_soon(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nothing has to come after it for it to be seen."""
    with caplog.at_level(logging.INFO, "lading.access"):
        coming = request("GET", "/v2/", {"User-Agent": "curl/8"})
        coming.id = "5f2c"
        await AccessLog().note(answered(coming, 200, size=2))
        await asyncio.sleep(2 * MOMENT)

    assert caplog.messages == [
        ' - - [01/Jan/1970:00:00:00 +0000] "GET /v2/ HTTP/1.1" 200 2 "" "curl/8" 5f2c'
    ]


async def test_requests_of_one_moment_share_a_record(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each has its own line all the same, in the order in which they were answered."""
    access_log = AccessLog()
    with caplog.at_level(logging.INFO, "lading.access"):
        for status in (200, 404):
            await access_log.note(answered(request("GET", "/v2/"), status))
        await asyncio.sleep(2 * MOMENT)
        await access_log.note(answered(request("GET", "/v2/"), 500))
        await asyncio.sleep(2 * MOMENT)

    assert [
        [line.split('" ')[1][:3] for line in message.split("\n")] for message in caplog.messages
    ] == [["200", "404"], ["500"]]


async def test_a_client_cannot_forge_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """Line ends and quotes are written as escapes."""
    with caplog.at_level(logging.INFO, "lading.access"):
        coming = request("GET", '/v2/\n"', {"User-Agent": 'a"\tb'})
        await AccessLog().note(answered(coming, 404))
        await asyncio.sleep(2 * MOMENT)

    assert caplog.messages == [
        ' - - [01/Jan/1970:00:00:00 +0000] "GET /v2/\\x0a\\x22 HTTP/1.1" 404 0 "" "a\\x22\\x09b" '
    ]


async def test_no_sign_of_unicode_ends_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """Nor turns what is on it around, nor acts in a terminal."""
    with caplog.at_level(logging.INFO, "lading.access"):
        coming = request("GET", "/v2/a\u2028b\x85c\u202ed\x1b[31m")
        coming.caller = "al\u2029 ice"
        await AccessLog().note(answered(coming, 404))
        await asyncio.sleep(2 * MOMENT)

    (line,) = caplog.messages
    assert len(line.splitlines()) == 1
    assert "/v2/a\\u2028b\\x85c\\u202ed\\x1b[31m" in line
    assert " - al\\u2029\\x20ice [" in line

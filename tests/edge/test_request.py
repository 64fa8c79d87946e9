"""Requests as they are read: their headers, and what a client says of its body."""

import pytest

from lading.core.errors import SizeMismatch
from lading.edge.request import Request
from tests.edge.requests import request


@pytest.mark.parametrize("said", ["", "-1", "1e3", "٣", "5, 5", 20 * "9", 5000 * "9"])
def test_a_length_that_is_no_number_is_refused(said: str) -> None:
    """And one that no body has, which Python would refuse to read if it is long enough.

    Servers of other programs, which this application may run in, hand on what they are sent.
    """
    with pytest.raises(SizeMismatch):
        assert request("PUT", "/", {"Content-Length": said}).content_length


def test_a_length_is_what_the_client_says() -> None:
    assert request("PUT", "/").content_length is None
    assert request("PUT", "/", {"Content-Length": "0017"}).content_length == 17


def test_a_header_on_several_lines_is_one_list() -> None:
    """In their order, whatever stands between them (RFC 9110, 5.3)."""
    asked = request("GET", "/v2/")
    lines = [(b"accept", b"a"), (b"host", b"r"), (b"accept", b"b, c"), (b"accept", b"\xe5")]
    read = Request({**asked.scope, "headers": lines}, asked.receive)
    assert read.headers == {"accept": "a, b, c, \xe5", "host": "r"}

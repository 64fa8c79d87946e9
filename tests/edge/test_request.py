"""Requests as they are read: what a client says of its body."""

import pytest

from lading.core.errors import SizeMismatch
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

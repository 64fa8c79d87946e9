"""Heads that end with their connection, in every place that asks other servers once."""

import pytest

from lading.auth.keysets import fetch
from lading.blobs.s3.access_keys import AccessKeys
from lading.blobs.s3.bucket import S3Bucket
from lading.blobs.s3.signed_requests import SignedRequests
from lading.monitoring.health import Unwell, look_at_http
from lading.ports.logins import AuthUnusable
from lading.ports.objects import StoredObject
from tests.support.raw_server import raw_server

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n"
CUTS = [b"HTTP/1.1 20", b"HTTP/1.1 200 OK\r\n", HEAD[:-2], HEAD[:-4], HEAD[:-7]]


def test_a_whole_head_is_taken_with_what_follows_it() -> None:
    with raw_server(lambda _: [HEAD, b"{}"]) as host:
        assert fetch(f"http://{host}/keys") == b"{}"


@pytest.mark.parametrize("cut", CUTS)
async def test_nobody_goes_by_a_head_that_is_cut_off(cut: bytes) -> None:
    """Neither a document, nor a check of health, nor what is asked of an object store."""
    with raw_server(lambda _: [cut]) as host:
        with pytest.raises(AuthUnusable, match="within the head"):
            fetch(f"http://{host}/keys")
        with pytest.raises(Unwell, match="within the head"):
            await look_at_http(f"http://{host}/")
        bucket = S3Bucket("images", endpoint=f"http://{host}", path_style=True)
        asked = SignedRequests(bucket, AccessKeys("a", "s"))
        with pytest.raises(OSError, match="within the head"):
            await asked.abort(StoredObject("key", None, 0.0, "id"))

"""Stores that say that they have joined the parts of an object, and have not."""

from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lading.blobs.s3.bucket import S3Bucket
from lading.blobs.s3.object_store import ObjectStore
from lading.core.errors import Unavailable
from tests.support.small_servers import served

MIB = 1024 * 1024
BEGUN = b"<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"
JOINED = b"<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>"
ABSENT = b"<Error><Code>NoSuchKey</Code></Error>"


class Boasting(BaseHTTPRequestHandler):
    """Take parts, say of an object that it is there, and have none."""

    protocol_version = "HTTP/1.1"

    def answer(self, status: int, body: bytes = b"") -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(status)
        self.send_header("ETag", "e")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    def do_POST(self) -> None:
        self.answer(200, BEGUN if "uploads" in self.path else JOINED)

    def do_PUT(self) -> None:
        self.answer(200)

    def do_HEAD(self) -> None:
        self.answer(404)

    def do_GET(self) -> None:
        self.answer(404, ABSENT)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def store() -> Iterator[ObjectStore]:
    with served(ThreadingHTTPServer(("127.0.0.1", 0), Boasting)) as server:
        endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        yield ObjectStore(
            S3Bucket("b", endpoint=endpoint, path_style=True, access_key="a", secret_key="b")
        )


async def pieces() -> AsyncIterator[bytes]:
    for _ in range(20):
        yield bytes(MIB)


async def test_an_object_that_is_not_there_is_not_put(
    store: ObjectStore, caplog: pytest.LogCaptureFixture
) -> None:
    """A store that is killed as it joins parts says so to who asks it again."""
    with pytest.raises(Unavailable):
        await store.put_pieces("key", pieces())
    assert "parts are said to be joined, and are not" in caplog.text

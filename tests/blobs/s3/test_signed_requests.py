"""Signed requests to a store that answers them oddly."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from lading.blobs.s3 import attempts, signed_requests
from lading.blobs.s3.access_keys import AccessKeys
from lading.blobs.s3.bucket import S3Bucket
from lading.blobs.s3.object_store import ObjectStore
from lading.blobs.s3.signed_requests import SignedRequests
from lading.core.errors import Unavailable
from tests.support.raw_server import dripping, raw_server
from tests.support.s3 import unfinished
from tests.support.small_servers import QuietHandler, served

UPLOAD = b"<Upload><Key>a</Key><UploadId>i</UploadId><Initiated>%b</Initiated></Upload>"
AT = b"2026-11-29T00:00:00Z"


def listed(rest: bytes) -> bytes:
    return b'<ListMultipartUploadsResult xmlns="http://s3/">%b</ListMultipartUploadsResult>' % rest


@contextmanager
def answering(body: bytes) -> Iterator[S3Bucket]:
    """A bucket of a server that says one thing to whatever it is asked."""

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            self.send_whole(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_whole(body)

    with served(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield bucket_of(server.server_port)


def bucket_of(port: int) -> S3Bucket:
    """A bucket of a server on this machine."""
    endpoint = f"http://127.0.0.1:{port}"
    return S3Bucket("images", endpoint=endpoint, path_style=True, access_key="a", secret_key="s")


async def test_an_answer_that_does_not_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread waits for it, of which there are few."""
    monkeypatch.setattr(signed_requests, "ATTEMPT", 0.3)
    began = time.monotonic()
    with raw_server(dripping(b"HTTP/1.1 200 OK\r\n\r\n<List")) as host:
        requests = SignedRequests(bucket_of(int(host.partition(":")[2])), AccessKeys("a", "s"))
        with pytest.raises(OSError, match="does not end"):
            await requests.list_unfinished({})
    assert time.monotonic() - began < 10


async def test_unfinished_parts_are_listed_with_their_times() -> None:
    with answering(listed(UPLOAD % AT)) as bucket:
        (found,), _ = await SignedRequests(bucket, AccessKeys("a", "s")).list_unfinished({})
    assert (found.key, found.id, found.since) == ("a", "i", 1_795_910_400.0)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"<html><br></html>", id="page"),
        pytest.param(b'{"Upload": []}', id="json"),
        pytest.param(listed(UPLOAD % b"yesterday"), id="time"),
        pytest.param(listed(UPLOAD % b""), id="no-time"),
        pytest.param(listed(b"<IsTruncated>true</IsTruncated>"), id="no-next-page"),
        pytest.param(
            listed(b"<IsTruncated>true</IsTruncated><NextKeyMarker>a</NextKeyMarker>"),
            id="endless",
        ),
    ],
)
async def test_what_is_no_list_of_them_is_a_store_that_fails(
    body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "PATIENCE", 0.0)
    with answering(body) as bucket, pytest.raises(Unavailable):
        await unfinished(ObjectStore(bucket), 2e9)


async def test_a_list_of_any_length_has_time_for_each_of_its_pages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else many parts that were never joined would be found no more, and become more."""
    pages, pause = 30, 0.1
    monkeypatch.setattr(attempts, "ATTEMPT", pages * pause * 0.8)
    monkeypatch.setattr(attempts, "PATIENCE", 0.0)

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            page = int(parse_qs(urlsplit(self.path).query).get("key-marker", "0")[0])
            time.sleep(pause)
            more = b"<NextKeyMarker>%d</NextKeyMarker><IsTruncated>true</IsTruncated>" % (page + 1)
            self.send_whole(listed(UPLOAD % AT + (more if page < pages - 1 else b"")))

    with served(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        assert len(await unfinished(ObjectStore(bucket_of(server.server_port)), 2e9)) == pages


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"<html><br/></html>", id="page"),
        pytest.param(b"<Error><Code>SlowDown</Code></Error>", id="error"),
    ],
)
async def test_what_is_no_answer_to_a_deletion_deletes_nothing(
    body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "PATIENCE", 0.0)
    with answering(body) as bucket, pytest.raises(Unavailable):
        await ObjectStore(bucket).delete(["a"])


async def test_a_deletion_says_what_stays() -> None:
    stays = b"<Error><Key>a</Key><Code>AccessDenied</Code><Message>m</Message></Error>"
    gone = b"<Error><Key>b</Key><Code>NoSuchKey</Code></Error>"
    with answering(b"<DeleteResult>%b%b</DeleteResult>" % (stays, gone)) as bucket:
        assert await ObjectStore(bucket).delete(["a", "b"]) == [("a", "AccessDenied: m")]

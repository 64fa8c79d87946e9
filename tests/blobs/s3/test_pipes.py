"""Pipes: bytes that the kernel takes past this program, of a real S3 server and of odd ones."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import pytest

from lading.blobs.s3 import attempts, object_streams
from lading.blobs.s3.access_keys import AccessKeys
from lading.blobs.s3.attempts import RefusedRequest
from lading.blobs.s3.bucket import S3Bucket
from lading.blobs.s3.object_store import ObjectStore
from lading.blobs.s3.pipes import CannotPipe, ObjectPipes, pipes_of
from lading.blobs.s3.signed_requests import SignedRequests
from lading.core.digest import Bytes
from lading.core.errors import Unavailable
from lading.ports.object_sources import LostObject, Piped
from tests.support.open_things import descriptors
from tests.support.s3 import S3
from tests.support.s3_proxy import How
from tests.support.segments import taken

MIB = 1024 * 1024
DATA = os.urandom(9 * MIB)
BUCKET = S3Bucket(name="blobs", endpoint="http://127.0.0.1:9", path_style=True)
KEYS = AccessKeys("id", "secret")


@pytest.fixture
def store(s3: S3) -> ObjectStore:
    return ObjectStore(s3.bucket)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time that is over soon, so that tests are, too."""
    monkeypatch.setattr(attempts, "ATTEMPT", 0.5)
    monkeypatch.setattr(attempts, "PATIENCE", 1.0)


class Pull:
    """A download, as far as it has come.

    Attributes:
        piped: bytes of it that came in a pipe.
    """

    def __init__(self) -> None:
        self.data = bytearray()
        self.piped = 0

    async def read(
        self,
        parts: AsyncGenerator[Bytes | Piped, None],
        on_part: Callable[[], None] = lambda: None,
    ) -> bytes:
        async with aclosing(parts):
            async for part in parts:
                self.data += taken(part)
                self.piped += len(part) if isinstance(part, Piped) else 0
                on_part()
        return bytes(self.data)


@pytest.mark.e2e
async def test_a_large_object_comes_in_a_pipe_by_one_request(s3: S3, store: ObjectStore) -> None:
    await store.put("a", DATA)
    pull = Pull()
    assert await pull.read(store.piped("a", 11, 8 * MIB)) == DATA[11 : 8 * MIB + 11]
    assert pull.piped > 7 * MIB
    assert s3.proxy.count("GET") == 1


@pytest.mark.e2e
async def test_what_is_smaller_needs_no_connection_of_its_own(store: ObjectStore) -> None:
    await store.put("a", DATA)
    pull = Pull()
    assert await pull.read(store.piped("a", 5, 70_000)) == DATA[5:70_005]
    assert pull.piped == 0


@pytest.mark.e2e
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("how", ["503", "500", "cut", "lost answer", "hang"])
async def test_what_passes_is_repeated(s3: S3, store: ObjectStore, how: How) -> None:
    await store.put("a", DATA)
    s3.proxy.fail("GET", how)
    assert await Pull().read(store.piped("a", 0, len(DATA))) == DATA
    assert s3.proxy.count("GET") == 2


@pytest.mark.e2e
async def test_a_stream_that_is_cut_goes_on_where_it_was(s3: S3, store: ObjectStore) -> None:
    await store.put("a", DATA)
    s3.proxy.fail("GET", "half", times=3)
    pull = Pull()
    assert await pull.read(store.piped("a", 11, len(DATA) - 11)) == DATA[11:]
    assert s3.proxy.count("GET") == 4


@pytest.mark.e2e
@pytest.mark.usefixtures("impatient")
async def test_a_store_that_goes_away_ends_it_with_an_error(s3: S3, store: ObjectStore) -> None:
    await store.put("a", DATA)
    s3.proxy.fail("GET", "half")
    pull = Pull()
    parts = store.piped("a", 0, len(DATA))
    with pytest.raises(Unavailable):
        await pull.read(parts, lambda: s3.proxy.fail("GET", "503", times=1000))
    assert 0 < len(pull.data) < len(DATA)
    assert DATA.startswith(pull.data)


@pytest.mark.e2e
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("how", ["403", "no bucket", "elsewhere"])
async def test_a_store_that_refuses_is_unavailable(s3: S3, store: ObjectStore, how: How) -> None:
    """And no object is lost by what something else answers."""
    await store.put("a", DATA)
    s3.proxy.fail("GET", how, times=1000)
    with pytest.raises(Unavailable):
        await Pull().read(store.piped("a", 0, len(DATA)))


@pytest.mark.e2e
async def test_an_object_that_is_gone_or_shorter_is_lost(store: ObjectStore) -> None:
    await store.put("a", DATA)
    pull = Pull()
    for key, start, size in (("b", 0, MIB), ("a", 1, len(DATA)), ("a", len(DATA), MIB)):
        with pytest.raises(LostObject):
            await pull.read(store.piped(key, start, size))
    assert pull.data == b""


@pytest.mark.e2e
async def test_nothing_is_left_open(store: ObjectStore) -> None:
    """Whether all of it was taken, or the client went away after the first bytes."""
    await store.put("a", DATA)
    await Pull().read(store.piped("a", 0, len(DATA)))
    await asyncio.sleep(0.5)
    before = descriptors()
    for _ in range(20):
        async with aclosing(store.piped("a", 0, len(DATA))) as parts:
            await anext(parts)
        with pytest.raises(LostObject):
            await Pull().read(store.piped("b", 0, len(DATA)))
    # The proxy is of this process, and closes its side of each a moment later.
    while len(descriptors() - before) > 5:
        await asyncio.sleep(0.05)


@pytest.mark.e2e
async def test_streams_beyond_the_budget_stand_still_in_no_pipe(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_streams, "STREAMED", object_streams.STREAMS)
    await store.put("a", DATA)
    async with aclosing(store.piped("a", 0, len(DATA))) as first:
        assert isinstance(await anext(first), Bytes | Piped)
        pull = Pull()
        assert await pull.read(store.piped("a", 0, 2 * MIB)) == DATA[: 2 * MIB]
        assert pull.piped == 0


@pytest.mark.e2e
async def test_a_store_that_answers_oddly_is_left_to_obstore(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried once, and all bytes come."""
    tried: list[str] = []

    async def odd(_: ObjectPipes, path: str, *__: int) -> None:
        tried.append(path)
        raise CannotPipe("it answers oddly")

    monkeypatch.setattr(ObjectPipes, "open", odd)
    await store.put("a", DATA)
    for _ in range(2):
        pull = Pull()
        assert await pull.read(store.piped("a", 0, len(DATA))) == DATA
        assert pull.piped == 0
    assert len(tried) == 1


@asynccontextmanager
async def answering(answer: bytes, asked: list[bytes] | None = None) -> AsyncIterator[ObjectPipes]:
    """Pipes to a server that says one thing to whatever it is asked."""

    async def answer_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if asked is not None:
            asked.append(request)
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer_one, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    bucket = replace(BUCKET, endpoint=f"http://127.0.0.1:{port}")
    async with server:
        yield ObjectPipes(
            bucket, SignedRequests(bucket, AccessKeys("id", "secret", "of-a-session"))
        )


FIT = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 2-6/9\r\nContent-Length: 5\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabcdefghi", id="everything"),
        pytest.param(FIT + b"Transfer-Encoding: chunked\r\n\r\n5\r\ncdefg\r\n", id="chunks"),
        pytest.param(FIT + b"Content-Encoding: gzip\r\n\r\ncdefg", id="coded"),
        pytest.param(FIT.replace(b"2-6", b"3-7") + b"\r\ndefgh", id="another-range"),
        pytest.param(FIT.replace(b": 5", b": 6") + b"\r\ncdefgh", id="another-length"),
        pytest.param(FIT.replace(b"Length: 5", b"Length: x") + b"\r\n", id="no-length"),
        pytest.param(FIT.replace(b": 5", b": " + b"5" * 5000) + b"\r\n", id="long-length"),
        pytest.param(b"HTTP/1.1 307 Elsewhere\r\nLocation: http://b/\r\n\r\n", id="elsewhere"),
        pytest.param(b"SSH-2.0-x\r\n\r\n", id="another-protocol"),
    ],
)
async def test_an_answer_of_another_kind_is_not_piped(answer: bytes) -> None:
    async with answering(answer) as pipes:
        with pytest.raises(CannotPipe):
            await pipes.open("registry/a", 2, 7)


async def test_bytes_that_come_with_the_head_are_not_lost() -> None:
    asked: list[bytes] = []
    async with answering(FIT + b"\r\ncdefg", asked) as pipes:
        with await pipes.open("registry/a", 2, 7) as pipe:
            data = b""
            while len(data) < 5:
                data += taken(await pipe.next())
    assert data == b"cdefg"
    assert b"\r\nrange: bytes=2-6\r\n" in asked[0]
    assert b"\r\nx-amz-security-token: of-a-session\r\n" in asked[0]


async def test_a_body_that_ends_early_is_told_by_no_more_bytes() -> None:
    async with answering(FIT + b"\r\ncd") as pipes:
        with await pipes.open("registry/a", 2, 7) as pipe:
            data = b""
            while part := await pipe.next():
                data += taken(part)
    assert data == b"cd"


@pytest.mark.parametrize(
    "length",
    [
        b"Content-Length: 12\r\n",
        b"",
        b"Content-Length: x\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: " + b"9" * 5000 + b"\r\n",
    ],
)
async def test_what_an_error_says_is_heard(length: bytes) -> None:
    async with answering(b"HTTP/1.1 404 x\r\n" + length + b"\r\n<NoSuchKey/>") as pipes:
        with pytest.raises(RefusedRequest, match=r"status code: 404: <NoSuchKey/>"):
            await pipes.open("registry/a", 2, 7)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 206 x\r\n", b"HTTP/1.1 " + b"x" * 70_000])
async def test_an_answer_without_a_head_is_a_connection_that_broke(answer: bytes) -> None:
    async with answering(answer) as pipes:
        with pytest.raises((EOFError, OSError)):
            await pipes.open("registry/a", 2, 7)


@pytest.mark.parametrize(
    ("bucket", "environ", "piped"),
    [
        (BUCKET, {"NO_PROXY": "x", "HTTP_PROXY": ""}, True),
        (BUCKET, {"http_proxy": "http://proxy:3128"}, False),
        (BUCKET, {"ALL_PROXY": "http://proxy:3128"}, False),
        (replace(BUCKET, endpoint="https://127.0.0.1:9"), {}, False),
        (replace(BUCKET, endpoint=""), {}, False),
    ],
)
def test_what_is_encrypted_or_goes_by_a_proxy_is_not_piped(
    bucket: S3Bucket, environ: Mapping[str, str], piped: bool
) -> None:
    assert (pipes_of(bucket, SignedRequests(bucket, KEYS), environ) is not None) == piped

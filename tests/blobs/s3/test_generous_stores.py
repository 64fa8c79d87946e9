"""Stores that give more bytes than they were asked for, and than they say that they give."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import pytest

from lading.blobs.s3 import object_streams
from lading.blobs.s3.bucket import S3Bucket
from lading.blobs.s3.object_store import ObjectStore
from lading.core.digest import Bytes
from lading.ports.object_sources import Piped

DATA = os.urandom(3 * 1024 * 1024)
START, SIZE = 100, 2 * 1024 * 1024


async def give_more(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one request for some bytes with these, and a thousand more."""
    request = await reader.readuntil(b"\r\n\r\n")
    first, last = map(int, request.lower().split(b"range: bytes=")[1].split()[0].split(b"-"))
    body = DATA[first : last + 1] + bytes(1000)
    writer.write(
        b"HTTP/1.1 206 Partial Content\r\nConnection: close\r\nETag: plain\r\n"
        b"Last-Modified: Mon, 30 Nov 2026 00:00:00 GMT\r\n"
        b"Content-Range: bytes %d-%d/%d\r\n"
        % (first, last, len(DATA))
        + b"Content-Length: %d\r\n\r\n" % len(body)
        + body
    )
    await writer.drain()
    writer.close()


@pytest.fixture
async def store() -> AsyncIterator[ObjectStore]:
    async with await asyncio.start_server(give_more, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        endpoint = f"http://{host}:{port}"
        yield ObjectStore(
            S3Bucket("b", endpoint=endpoint, path_style=True, access_key="a", secret_key="b")
        )


async def joined(stream: AsyncGenerator[Bytes | Piped, None]) -> bytes:
    """All that a stream gives, of which nothing comes in a pipe."""
    found = b""
    async with aclosing(stream) as pieces:
        async for piece in pieces:
            assert not isinstance(piece, Piped)
            found += piece
    return found


async def test_a_client_gets_what_it_was_told_that_it_gets(store: ObjectStore) -> None:
    """Or the rest would be taken for the answer to its next request."""
    wanted = DATA[START : START + SIZE]
    assert await joined(store.pieces("key", START, SIZE)) == wanted
    assert await joined(store.piped("key", START, SIZE)) == wanted


async def test_so_it_does_when_many_streams_stand_still(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_streams, "STREAMED", object_streams.STREAMS + 1)
    assert await joined(store.pieces("key", START, SIZE)) == DATA[START : START + SIZE]


async def test_what_has_too_many_bytes_is_not_lost(store: ObjectStore) -> None:
    assert bytes(await store.read("key", START, 1000)) == DATA[START : START + 1000]

"""How a response leaves."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus

from lading.api.asgi import Receive, Send
from lading.api.body import ClientDisconnected
from lading.api.response import BlobBody, Response
from lading.core.errors import Unavailable
from lading.core.ranges import ByteRange
from lading.ports import LocalFile, Memory

log = logging.getLogger(__name__)

# Bytes of a blob read and sent at once.
PIECE = 256 * 1024

_WITHOUT_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends responses.

    Attributes:
        headers: sent with every response unless it has its own.
    """

    headers: Mapping[str, str]

    async def send(
        self, receive: Receive, send: Send, response: Response, *, head: bool, accelerate: str
    ) -> None:
        """Send a response.

        Args:
            receive: ASGI's; tells when the client goes away.
            send: ASGI's.
            response: what to send.
            head: whether the request was a HEAD, so that the body stays here.
            accelerate: where the proxy in front finds the files of blobs; empty if none does.

        Raises:
            ClientDisconnected: the client went away before it had everything.
            Unavailable: the blob cannot be read; nothing was sent.
        """
        body = response.body
        headers = _merged(self.headers, response.headers)
        if isinstance(body, BlobBody) and isinstance(body.source, LocalFile) and accelerate:
            # nginx takes over: the range, and with it the status and the length, are its own.
            headers["x-accel-redirect"] = accelerate + body.source.key
            headers["content-length"] = "0"
            headers.pop("content-range", None)
            headers.pop("accept-ranges", None)
            await _send_bytes(send, 200, headers, b"")
        elif isinstance(body, bytes):
            if response.status not in _WITHOUT_BODY:
                headers.setdefault("content-length", str(len(body)))
            await _send_bytes(send, response.status, headers, b"" if head else body)
        else:
            headers["content-length"] = str(body.range.length)
            await _send_blob(receive, send, response.status, headers, body)


def _merged(*several: Mapping[str, str]) -> dict[str, str]:
    """Headers by lower-case name; of those with one name, however it is written, the last one."""
    return {name.lower(): value for headers in several for name, value in headers.items()}


async def _start(send: Send, status: int, headers: Mapping[str, str]) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()
            ],
        }
    )


async def _send_bytes(
    send: Send, status: int, headers: Mapping[str, str], body: bytes | bytearray
) -> None:
    await _start(send, status, headers)
    await send({"type": "http.response.body", "body": body})


async def _send_blob(
    receive: Receive, send: Send, status: int, headers: Mapping[str, str], body: BlobBody
) -> None:
    if isinstance(body.source, Memory):
        data = body.source.data[body.range.start : body.range.stop]
        await _send_bytes(send, status, headers, data)
        return
    # Opened before the first header leaves: if that fails, the client still gets an error.
    descriptor = _open(body.source.path)
    try:
        if body.range.length <= PIECE:
            small = await _read(descriptor, body.range.start, body.range.length)
            await _send_bytes(send, status, headers, small)
        else:
            await _start(send, status, headers)
            async with _disconnect(receive) as gone:
                await _send_file(send, descriptor, body.range, gone)
    finally:
        os.close(descriptor)


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        log.warning("a blob cannot be read: %s", error)
        raise Unavailable("the blob cannot be read; the registry's log says why") from error


async def _send_file(send: Send, descriptor: int, part: ByteRange, gone: asyncio.Event) -> None:
    position = part.start
    while position < part.stop:
        data = await _read(descriptor, position, min(PIECE, part.stop - position))
        position += len(data)
        await send({"type": "http.response.body", "body": data, "more_body": True})
        # Neither a cached read nor a fast client ever waits: let others have their turn.
        await asyncio.sleep(0)
        if gone.is_set():
            raise ClientDisconnected
    await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def _disconnect(receive: Receive) -> AsyncIterator[asyncio.Event]:
    """An event that tells when the client goes away: sending to nobody raises no error."""
    gone = asyncio.Event()

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        gone.set()

    watcher = asyncio.create_task(watch())
    try:
        yield gone
    finally:
        watcher.cancel()


async def _read(descriptor: int, position: int, size: int) -> bytearray:
    """Read on the loop what the page cache has, in a thread what the disk must bring.

    Raises:
        OSError: the file ends before.
    """
    buffer = bytearray(size)
    try:
        count = os.preadv(descriptor, [buffer], position, os.RWF_NOWAIT)
    except OSError:  # not cached, or a file system that cannot tell
        count = 0
    while count < size:
        rest = memoryview(buffer)[count:]
        read = await asyncio.to_thread(os.preadv, descriptor, [rest], position + count)
        if read == 0:
            raise OSError("a blob is shorter than its row says")
        count += read
    return buffer

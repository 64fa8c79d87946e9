"""How a response leaves."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from lading.api.asgi import Send
from lading.api.response import BlobBody, Response
from lading.ports import LocalFile, Memory

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

    async def send(self, send: Send, response: Response, *, head: bool, accelerate: str) -> None:
        """Send a response.

        Args:
            send: ASGI's.
            response: what to send.
            head: whether the request was a HEAD, so that the body stays here.
            accelerate: where the proxy in front finds the files of blobs; empty if none does.
        """
        body = response.body
        headers = {**self.headers, **response.headers}
        if isinstance(body, BlobBody) and isinstance(body.source, LocalFile) and accelerate:
            # nginx takes over: the range, and with it the status and the length, are its own.
            headers["X-Accel-Redirect"] = accelerate + body.source.key
            headers["Content-Length"] = "0"
            headers.pop("Content-Range", None)
            await _send_bytes(send, 200, headers, b"")
        elif isinstance(body, bytes):
            if response.status not in _WITHOUT_BODY:
                headers.setdefault("Content-Length", str(len(body)))
            await _send_bytes(send, response.status, headers, b"" if head else body)
        else:
            headers["Content-Length"] = str(body.range.length)
            await _send_blob(send, response.status, headers, body)


async def _start(send: Send, status: int, headers: Mapping[str, str]) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (name.lower().encode("latin-1"), value.encode("latin-1"))
                for name, value in headers.items()
            ],
        }
    )


async def _send_bytes(send: Send, status: int, headers: Mapping[str, str], body: bytes) -> None:
    await _start(send, status, headers)
    await send({"type": "http.response.body", "body": body})


async def _send_blob(send: Send, status: int, headers: Mapping[str, str], body: BlobBody) -> None:
    if isinstance(body.source, Memory):
        data = body.source.data[body.range.start : body.range.stop]
        await _send_bytes(send, status, headers, data)
        return
    # Opened before the first header leaves: if the file is gone, the client still gets an error.
    descriptor = os.open(body.source.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        await _start(send, status, headers)
        position = body.range.start
        while position < body.range.stop:
            data = await _read(descriptor, position, min(PIECE, body.range.stop - position))
            position += len(data)
            await send({"type": "http.response.body", "body": data, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        os.close(descriptor)


async def _read(descriptor: int, position: int, size: int) -> bytes:
    """Read on the loop what the page cache has, in a thread what the disk must bring."""
    buffer = bytearray(size)
    try:
        count = os.preadv(descriptor, [buffer], position, os.RWF_NOWAIT)
    except OSError:  # not cached, or a file system that cannot tell
        count = await asyncio.to_thread(os.preadv, descriptor, [buffer], position)
    if count == 0:
        raise OSError("a blob is shorter than its row says")
    return bytes(memoryview(buffer)[:count])

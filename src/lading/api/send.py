"""How a response leaves."""

import asyncio
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from http import HTTPStatus

from lading.api.asgi import Scope, Send
from lading.api.body import ClientDisconnected
from lading.api.response import BlobBody, Response
from lading.core.errors import Unavailable
from lading.core.ranges import ByteRange
from lading.ports.blobs import LocalFile, Memory

log = logging.getLogger(__name__)

# Bytes of a blob read and sent at once.
PIECE = 256 * 1024

_WITHOUT_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


Headers = dict[bytes, bytes]


class Sender:
    """Sends responses.

    Args:
        headers: sent with every response unless it has its own.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._always = _encoded(headers)

    async def send(
        self, scope: Scope, send: Send, response: Response, *, head: bool, accelerate: str
    ) -> None:
        """Send a response.

        Args:
            scope: of the request; tells whether the server sends files by itself.
            send: ASGI's; raises `ClientDisconnected` when nobody is there.
            response: what to send.
            head: whether the request was a HEAD, so that the body stays here.
            accelerate: where the proxy in front finds the files of blobs; empty if none does.

        Raises:
            ClientDisconnected: the client went away before it had everything.
            Unavailable: the blob cannot be read; nothing was sent.
        """
        body = response.body
        headers = self._always | _encoded(response.headers)
        if isinstance(body, BlobBody) and isinstance(body.source, LocalFile) and accelerate:
            # nginx takes over: the range, and with it the status and the length, are its own.
            headers[b"x-accel-redirect"] = f"{accelerate}{body.source.key}".encode()
            headers[b"content-length"] = b"0"
            headers.pop(b"content-range", None)
            headers.pop(b"accept-ranges", None)
            await _send_bytes(send, 200, headers, b"")
        elif isinstance(body, bytes):
            if response.status not in _WITHOUT_BODY:
                headers.setdefault(b"content-length", b"%d" % len(body))
            await _send_bytes(send, response.status, headers, b"" if head else body)
        else:
            headers[b"content-length"] = b"%d" % body.range.length
            await _send_blob(scope, send, response.status, headers, body)


def _encoded(headers: Mapping[str, str]) -> Headers:
    """Headers by lower-case name; of those with one name, however it is written, the last one."""
    return {_name(name): value.encode("latin-1") for name, value in headers.items()}


@lru_cache(maxsize=256)  # the same few in every response
def _name(name: str) -> bytes:
    return name.lower().encode("latin-1")


async def _start(send: Send, status: int, headers: Headers) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers.items())})


async def _send_bytes(send: Send, status: int, headers: Headers, body: bytes | bytearray) -> None:
    """What is small is sent whole; whether the client is still there makes no difference."""
    await _start(send, status, headers)
    with suppress(ClientDisconnected):
        await send({"type": "http.response.body", "body": body})


async def _send_blob(
    scope: Scope, send: Send, status: int, headers: Headers, body: BlobBody
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
            return
        await _start(send, status, headers)
        if "http.response.zerocopysend" in scope.get("extensions", {}):
            await _have_sent(send, descriptor, body.range)
        else:
            await _send_file(send, descriptor, body.range)
    finally:
        os.close(descriptor)


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        log.warning("a blob cannot be read: %s", error)
        raise Unavailable("the blob cannot be read; the registry's log says why") from error


async def _have_sent(send: Send, descriptor: int, part: ByteRange) -> None:
    """Leave it to the server, past which no byte has to go."""
    await send(
        {
            "type": "http.response.zerocopysend",
            "file": descriptor,
            "offset": part.start,
            "count": part.length,
        }
    )


async def _send_file(send: Send, descriptor: int, part: ByteRange) -> None:
    position = part.start
    while position < part.stop:
        data = await _read(descriptor, position, min(PIECE, part.stop - position))
        position += len(data)
        more = position < part.stop
        await send({"type": "http.response.body", "body": data, "more_body": more})
        # Neither a cached read nor a fast client ever waits: let others have their turn.
        await asyncio.sleep(0)


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

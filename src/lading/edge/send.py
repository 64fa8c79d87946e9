"""Sending: how a response leaves, by what its body is."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import aclosing, suppress
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from lading.core.digest import Bytes
from lading.edge.asgi import PIPES, Message, Scope, Send
from lading.edge.body import ClientDisconnected
from lading.edge.budget import BodyBudgets
from lading.edge.response import BlobBody, PartsBody, Response, StreamBody
from lading.edge.spool import SharedSpools
from lading.ports.blob_sources import LocalFile, OpenSource
from lading.ports.object_sources import Chunks, Piped

# Bytes that are sent without asking whether there is memory until the client has taken them: what
# any client may make this program keep for it.
SMALL = 64 * 1024

_WITHOUT_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


Headers = dict[bytes, bytes]


class Sender:
    """The sender of responses.

    Args:
        headers: sent with every response unless it has its own.
        budgets: that large bodies take of while they wait for their clients.
    """

    def __init__(self, headers: Mapping[str, str], budgets: BodyBudgets) -> None:
        self._always = _encoded(headers)
        self._spools = SharedSpools(budgets)
        self._making = asyncio.Lock()

    def send(
        self, scope: Scope, send: Send, response: Response, *, head: bool, accelerate: str
    ) -> Coroutine[Any, Any, None]:
        """Send a response.

        Args:
            scope: of the request; tells whether the server sends files by itself.
            send: ASGI's; raises `ClientDisconnected` when nobody is there.
            head: whether the request was a HEAD, so that the body stays here.
            accelerate: where the proxy in front finds the files of blobs; empty if none does.

        Raises:
            ClientDisconnected: the client went away before it had everything.
            Unavailable: the blob cannot be read; nothing was sent.
        """
        body = response.body
        headers = self._always | _encoded(response.headers)
        if isinstance(body, BlobBody) and isinstance(body.source, LocalFile) and accelerate:
            return _hand_over(send, headers, f"{accelerate}{body.source.key}")
        if isinstance(body, bytes):
            if response.status not in _WITHOUT_BODY:
                headers.setdefault(b"content-length", b"%d" % len(body))
            if head or len(body) <= SMALL:
                return _send_bytes(send, response.status, headers, b"" if head else body)
            return self._send_large(scope, send, response, headers)
        if isinstance(body, StreamBody):
            return self._send_stream(send, response.status, headers, body, head=head)
        if isinstance(body, PartsBody):
            headers[b"content-length"] = b"%d" % body.length
            return _send_parts(scope, send, response.status, headers, body)
        headers[b"content-length"] = b"%d" % body.range.length
        return _send_blob(scope, send, response.status, headers, body)

    async def _send_large(
        self, scope: Scope, send: Send, response: Response, headers: Headers
    ) -> None:
        """Send what the client may need time for: it waits in memory, or else on the disk."""
        async with self._spools.share(response) as spool:
            with suppress(ClientDisconnected):
                await _start(send, response.status, headers)
                await _send_part(scope, send, spool.open(), 0, spool.size)

    async def _send_stream(
        self, send: Send, status: int, headers: Headers, body: StreamBody, *, head: bool
    ) -> None:
        """Send what is made meanwhile: one piece for one client in each turn of the loop."""
        await _start(send, status, headers)
        async with aclosing(body.pieces) as pieces:
            while not head:
                async with self._making:
                    # Neither a read nor a fast client ever waits: let others have their turn.
                    await asyncio.sleep(0)
                    piece = await anext(pieces, None)
                if piece is None:
                    break
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def _encoded(headers: Mapping[str, str]) -> Headers:
    """Headers by lower-case name; of those with one name, however it is written, the last one."""
    return {_name(name): value.encode("latin-1") for name, value in headers.items()}


@lru_cache(maxsize=256)  # the same few in every response
def _name(name: str) -> bytes:
    return name.lower().encode("latin-1")


async def _start(send: Send, status: int, headers: Headers) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers.items())})


async def _send_bytes(send: Send, status: int, headers: Headers, body: Bytes) -> None:
    """Send small bytes whole; whether the client is still there makes no difference."""
    await send({"type": "http.response.start", "status": status, "headers": list(headers.items())})
    try:  # noqa: SIM105 - `suppress` costs each small answer three calls
        await send({"type": "http.response.body", "body": body})
    except ClientDisconnected:
        pass


async def _hand_over(send: Send, headers: Headers, place: str) -> None:
    """Have nginx send a file: the range, and with it the status and the length, are its own."""
    headers[b"x-accel-redirect"] = place.encode()
    headers[b"content-length"] = b"0"
    headers.pop(b"content-range", None)
    headers.pop(b"accept-ranges", None)
    await _send_bytes(send, 200, headers, b"")


async def _send_blob(
    scope: Scope, send: Send, status: int, headers: Headers, body: BlobBody
) -> None:
    start, size = body.range.start, body.range.length
    # Opened before the first header leaves: if that fails, the client still gets an error.
    with body.source.open() as opened:
        if size <= SMALL:
            await _send_bytes(send, status, headers, await opened.read(start, size))
            return
        await _send_part(scope, _WithHead(send, status, headers), opened, start, size)


async def _send_parts(
    scope: Scope, send: Send, status: int, headers: Headers, body: PartsBody
) -> None:
    """Send parts of a blob: small ones together, large ones by themselves."""
    together = bytearray()
    send = _WithHead(send, status, headers)
    with body.source.open() as opened:
        for part in body.parts:
            together += body.head_of(part)
            if part.length <= SMALL:
                together += await opened.read(part.start, part.length)
            else:
                await _send_part(
                    scope, send, opened, part.start, part.length, before=together, more=True
                )
                together = bytearray()
            if len(together) > SMALL:
                await send({"type": "http.response.body", "body": together, "more_body": True})
                together = bytearray()
        together += body.end
        await send({"type": "http.response.body", "body": together})


async def _send_part(
    scope: Scope,
    send: Send,
    opened: OpenSource,
    start: int,
    size: int,
    *,
    before: bytearray | None = None,
    more: bool = False,
) -> None:
    """Send a part of a blob, and what comes before it; there may be more after it."""
    extensions = scope.get("extensions", {})
    if opened.descriptor is not None and "http.response.zerocopysend" in extensions:
        # Left to the server, past which no byte has to go.
        if before:
            await send({"type": "http.response.body", "body": before, "more_body": True})
        await send(
            {
                "type": "http.response.zerocopysend",
                "file": opened.descriptor,
                "offset": start,
                "count": size,
                "more_body": more,
            }
        )
        return
    found: AsyncGenerator[Bytes | Piped, None] = (
        opened.piped(start, size)
        if PIPES in extensions and isinstance(opened, Chunks)
        else opened.pieces(start, size)
    )
    async with aclosing(found) as pieces:
        async for piece in pieces:
            size -= len(piece)
            if before:
                await send({"type": "http.response.body", "body": before, "more_body": True})
                before = None
            await send({**_message(piece), "more_body": more or size > 0})
            # Neither a cached read nor a fast client ever waits: let others have their turn.
            await asyncio.sleep(0)


def _message(piece: Bytes | Piped) -> Message:
    if isinstance(piece, Piped):
        return {"type": PIPES, "file": piece.descriptor, "count": piece.size}
    return {"type": "http.response.body", "body": piece}


class _WithHead:
    """Sends the head of a response with the first of its body, which may not be to be had."""

    def __init__(self, send: Send, status: int, headers: Headers) -> None:
        self._send = send
        self._status = status
        self._headers: Headers | None = headers

    async def __call__(self, message: Message) -> None:
        if self._headers is not None:
            headers, self._headers = self._headers, None
            await _start(self._send, self._status, headers)
        await self._send(message)

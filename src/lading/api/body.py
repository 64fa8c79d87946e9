"""Reading the body of a request, never more of it at once than a piece."""

from collections.abc import AsyncIterator

from lading.api.asgi import Receive
from lading.core.digest import Bytes

# Bytes handed on at once: large enough that a hop to a thread costs little beside hashing and
# writing them, small enough that hundreds of uploads fit into memory.
PIECE = 512 * 1024


class ClientDisconnected(Exception):
    """The client went away in the middle of its request; there is no one to answer."""


async def read_pieces(receive: Receive) -> AsyncIterator[Bytes]:
    """The body in pieces of about `PIECE` bytes; one may be overwritten when the next is asked for.

    Raises:
        ClientDisconnected: the body ends early; what arrived was yielded before.
    """
    small = bytearray()
    more = True
    while more:
        message = await receive()
        gone = message["type"] == "http.disconnect"
        more = message.get("more_body", False)
        piece: Bytes = message.get("body", b"")
        if small or (more and len(piece) < PIECE):
            small += piece
            piece = b""
            if gone or not more or len(small) >= PIECE:
                piece, small = small, bytearray()
        if piece:
            yield piece
        if gone:
            raise ClientDisconnected


async def skip_body(receive: Receive) -> None:
    """Wait for the end of a request whose body means nothing, before anything is changed for it.

    Raises:
        ClientDisconnected: what came is not a whole request.
    """
    async for _ in read_pieces(receive):
        pass


async def read_bounded(receive: Receive, limit: int, length: int | None) -> bytes | None:
    """The whole body; `None` if it has more than `limit` bytes, or says so.

    Raises:
        ClientDisconnected: the body ends early.
    """
    body = bytearray()
    if length is None or length <= limit:
        async for piece in read_pieces(receive):
            body += piece
            if len(body) > limit:
                break
        else:
            return bytes(body)
    return None

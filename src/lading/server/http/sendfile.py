"""Sending a part of a file, or what is in a pipe, without its bytes passing through this program.

uvloop does not do so (sendfile(2), splice(2)) for a transport that is in use. What sends here is a
second descriptor of the same socket, while the transport has nothing to send.
"""

import asyncio
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from lading.edge.body import ClientDisconnected
from lading.ports.object_sources import Piped
from lading.server.http.turns import SendingTurns
from lading.system.threads import finish

# Bytes given to the kernel at once; then other clients have their turn. With fewer, large blobs are
# pulled slowly beside many small requests, with more these wait.
PIECE = 1024 * 1024
# Bytes that a client's socket takes, about, when it has room again.
ROOM = 256 * 1024


@dataclass(frozen=True, slots=True)
class FilePart:
    """Bytes of a file that is open for reading."""

    descriptor: int
    offset: int
    size: int


def can_send_files(transport: asyncio.Transport) -> bool:
    """Whether bytes go to the client as they are, not encrypted."""
    return transport.get_extra_info("sslcontext") is None


class FileSender:
    """Sends to the socket of a connection, until it is closed.

    Args:
        turns: in which it sends, with all others who send much.
    """

    def __init__(self, transport: asyncio.Transport, turns: SendingTurns) -> None:
        self._turns = turns
        descriptor = os.dup(transport.get_extra_info("socket").fileno())
        # Of which family it is does not matter for sending, and costs calls to find out.
        self._line = socket.socket(socket.AF_INET, socket.SOCK_STREAM, fileno=descriptor)
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Future[None] | None = None
        self._stopped = False

    def close(self) -> None:
        """Let go of the socket."""
        self._line.close()

    def stop(self) -> None:
        """Send nothing more: nobody is there."""
        self._stopped = True
        self._go_on()

    async def send(self, head: bytes, part: FilePart | Piped) -> None:
        """Send a head, and a part of a file or all that a pipe has.

        Raises:
            ClientDisconnected: the client went away.
            OSError: the file ends before, or cannot be read.
        """
        rest = memoryview(head)
        while rest:
            # "the caller has more data to send" (send(2)): both begin in one packet.
            sent = await self._attempt(partial(self._line.send, rest, socket.MSG_MORE))
            rest = rest[sent:]
        if isinstance(part, Piped):
            await self._send_piped(part)
        else:
            await self._send_file(part)

    async def _send_file(self, part: FilePart) -> None:
        position, stop = part.offset, part.offset + part.size
        while position < stop:
            piece = FilePart(part.descriptor, position, min(PIECE, stop - position))
            await self._turns.take(piece.size)
            position += await self._send_piece(piece)
            # Neither a cached file nor a fast client ever waits: let others have their turn.
            await asyncio.sleep(0)

    async def _send_piped(self, part: Piped) -> None:
        await self._turns.take(part.size)
        left, line = part.size, self._line.fileno()
        while left:
            move = partial(os.splice, part.descriptor, line, left, flags=os.SPLICE_F_NONBLOCK)
            moved = await self._attempt(move)
            if moved == 0:
                raise OSError("the pipe has less than it was said to have")
            left -= moved

    async def _send_piece(self, piece: FilePart) -> int:
        """Send some of a part of a file; how many bytes."""
        line = self._line.fileno()
        send = partial(os.sendfile, line, piece.descriptor, piece.offset, piece.size)
        if _is_cached(piece):
            sent = await self._attempt(send)
        else:  # the disk is waited for elsewhere
            sent = await self._attempt_in_thread(send)
        if sent == 0:
            raise OSError("the file is shorter than it was")
        return sent

    async def _attempt_in_thread(self, send: Callable[[], int]) -> int:
        try:
            return await finish(self._loop.run_in_executor(None, send))
        except (BlockingIOError, ConnectionError):
            return await self._attempt(send)

    async def _attempt(self, send: Callable[[], int]) -> int:
        """Send as soon as the client takes something."""
        while not self._stopped:
            try:
                return send()
            except BlockingIOError:
                await self._until_writable()
                await self._turns.take(ROOM)
            except ConnectionError:
                break
        raise ClientDisconnected

    async def _until_writable(self) -> None:
        self._waiting = self._loop.create_future()
        self._loop.add_writer(self._line, self._go_on)
        try:
            await self._waiting
        finally:
            self._loop.remove_writer(self._line)

    def _go_on(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


def _is_cached(piece: FilePart) -> bool:
    """Whether the page cache has its first and its last byte, and so, most likely, all of it."""
    byte = bytearray(1)
    last = piece.offset + piece.size - 1
    try:
        return all(
            os.preadv(piece.descriptor, [byte], position, os.RWF_NOWAIT) == 1
            for position in (piece.offset, last)
        )
    except OSError:  # not cached, or a file system that cannot tell
        return False

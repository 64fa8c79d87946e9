"""One request and its response, as ASGI shows them to the application.

While the application works on a piece of the body, the next one is collected; when that is there as
well, the connection is not read, so that a client can neither outrun the disk nor fill the memory.
"""

import asyncio
import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

from lading.core.digest import Bytes
from lading.core.errors import RegistryError
from lading.edge.asgi import PIPES, UNHURRIED, Application, Message, Scope
from lading.edge.body import PIECE, SMALL_PIECE, ClientDisconnected
from lading.ports.object_sources import Piped
from lading.server.http.sendfile import FilePart, FileSender
from lading.server.http.spelling import header_line
from lading.server.http.turns import SMALL
from lading.system.disk_errors import advised
from lading.system.room import Budget

if TYPE_CHECKING:  # which has exchanges
    from lading.server.http.connection import Connection

log = logging.getLogger(__name__)

# Bytes of a body up to which it is cheaper to copy it behind its head than to send both.
COPIED = 64 * 1024
# Bytes that a worker collects for its applications before each connection is read less far ahead,
# and none beyond the request whose turn it is.
MOST_COLLECTED = 16 * 1024 * 1024
# What a request takes beside its headers while it waits for its turn, and each of them beside its
# name and value.
OBJECTS = 4096
FIELD_OBJECTS = 144
# Bytes of a piece up to which it is put to the one before: as an object of its own it would take
# many times as much, and a client chooses how its body is cut.
SCRAP = 4096

# "A server MUST NOT send a Transfer-Encoding header field in any response with a status code of …
# 204 (No Content)" (RFC 9112, 6.1); neither has a 304 a body.
_WITHOUT_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
_STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}


class Exchange:
    """The exchange of one request for its response.

    Args:
        line: the connection that the request came by.
        waits: whether the client sends the body only when it is told to (RFC 9110, 10.1.1).
        keep_alive: whether another request may follow.

    Attributes:
        size: bytes of the body, if the client says.
        more_body: some of the request is still to come.
        begun: its turn has come; the application works on it.
        wanted: the application has asked for the body, so the client may send it.
        complete: the response is handed to the connection.
        gone: the client has left, or does not count any more.
        started: some of the response is handed to the connection.
        task: that answers it; `None` before its turn.
    """

    task: asyncio.Task[None] | None = None
    more_body = True
    begun = False
    wanted = False
    started = False
    complete = False
    gone = False
    # Of the request: bytes that have come, and those of them that the application has not taken.
    _received = 0
    _collected = 0
    _end_taken = False
    _waiting = 0
    _awaited: asyncio.Future[None] | None = None
    # Of the response: what was not written yet of its head, and how much of its body.
    _head = b""
    _unsent = 0
    _sized = True
    _chunked = False
    _sender: FileSender | None = None

    def __init__(
        self, line: "Connection", scope: Scope, *, size: int | None, waits: bool, keep_alive: bool
    ) -> None:
        self.keep_alive = keep_alive
        self.waits = waits
        self._line = line
        self.scope = scope
        self.size = size
        self._pieces: list[Bytes] = []
        self._is_head = scope["method"] == "HEAD"

    async def run(self, application: Application) -> None:
        """Have the request answered; whatever fails ends the connection."""
        try:
            await application(self.scope, self.receive, self.send)
        except ClientDisconnected:
            pass
        except RegistryError as error:  # of a store that went away meanwhile, which has said more
            log.error("a response is cut short: %s", error)  # noqa: TRY400
        except OSError as error:  # of a file that is sent
            log.error("a response is cut short: %s", advised(error))  # noqa: TRY400
        except Exception:
            log.exception("a response failed")
        finally:
            if self.task is not None:
                self._line.connections.tasks.discard(self.task)
            if not self.complete and not self.gone:
                self._line.transport.close()
                self.gone = True
            self._take()
            if self._sender is not None:
                self._sender.close()
                self._sender = None

    # From the connection

    @property
    def memory(self) -> Budget:
        """The memory for bodies of this worker."""
        return self._line.connections.memory

    def wait(self) -> bool:
        """Wait for the requests before it to be answered; false if there is no memory for that."""
        headers = self.scope["headers"]
        sizes = (FIELD_OBJECTS + len(name) + len(value) for name, value in headers)
        self._waiting = OBJECTS + sum(sizes)
        self._line.connections.collected += self._waiting
        return self.may_wait

    @property
    def may_wait(self) -> bool:
        """Whether there is memory for what has come before its turn."""
        return self._line.connections.collected <= MOST_COLLECTED

    def begin(self) -> None:
        """Begin to answer the request, as its turn has come."""
        self.begun = True
        self._stop_waiting()

    @property
    def is_unhurried(self) -> bool:
        """Whether the application wants nothing of the body read before it asks for it."""
        return UNHURRIED in self.scope

    @property
    def missing(self) -> int:
        """Bytes of the body that have not come; 0 if the client did not say how many there are."""
        return 0 if self.size is None else self.size - self._received

    @property
    def _is_all_here(self) -> bool:
        """Whether all of the body has come; of one in chunks, its end tells."""
        return self.size is not None and self.missing == 0

    @property
    def is_unseen(self) -> bool:
        """Whether its turn has come, it has a body in chunks, and none of them has come."""
        return self.begun and self.size is None and self.more_body and self._received == 0

    @property
    def is_fresh(self) -> bool:
        """Whether the application has taken nothing of the body, and what came fits a piece."""
        return self._received == self._collected <= PIECE

    def add(self, data: Bytes) -> None:
        """Take a piece of the body."""
        self._received += len(data)
        if self.complete or self.gone:  # an error, which did not need the body
            return
        self._keep(data)
        self._collected += len(data)
        connections = self._line.connections
        connections.collected += len(data)
        # Before it is asked for, so little that it fits a buffer with what the kernel hands over.
        far = self.wanted and connections.collected <= MOST_COLLECTED
        most = PIECE if far else SMALL_PIECE
        if self._collected >= most or (self.is_unhurried and not self._is_all_here):
            self._line.pause_reading()
        self._wake()

    def take_back(self) -> bytes:
        """What was added and the application has not taken; it counts as not received."""
        data = b"".join(self._take())
        self._received -= len(data)
        return data

    def end(self) -> None:
        """The request is complete."""
        self.more_body = False
        self._wake()

    def leave(self) -> None:
        """The client is gone."""
        self.gone = True
        if not self.begun:
            self._stop_waiting()
            self._take()
        self._wake()
        if self._sender is not None:
            self._sender.stop()

    # From the application

    async def receive(self) -> Message:
        """What was collected, as soon as there is something; at the end, that it is the end.

        What is returned may be overwritten when the application asks for the second one after it.
        """
        if not self.wanted:
            self.wanted = True
            self._line.body_wanted()
        if self.waits and not self.gone:
            self.waits = False
            self._line.let_continue()
        while not self._pieces and self._goes_on():
            self._line.resume_reading()
            self._awaited = asyncio.get_running_loop().create_future()
            await self._awaited
        if not self._pieces and (self._end_taken or self.more_body):
            return {"type": "http.disconnect"}
        self._end_taken = not self.more_body
        pieces = self._take()
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if not self.is_unhurried or self._end_taken:
            self._line.resume_reading()
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    async def send(self, message: Message) -> None:
        """Send the head of the response, or some of its body.

        Raises:
            ClientDisconnected: to nobody.
            OSError: a file that is to be sent cannot be read.
        """
        if message["type"] == "http.response.start":
            if self.waits and self.more_body and not self._received:
                # What comes next may be the body or another request: only the client knows.
                self.keep_alive = False
            self._head = self._render(message["status"], message["headers"])
            return
        if self._line.writable is not None:
            await self._line.writable
        if self.gone:
            raise ClientDisconnected
        body = message.get("body", b"")
        if len(body) > SMALL:
            await self._line.connections.turns.take(len(body))
            if self.gone:
                raise ClientDisconnected
        if message["type"] == "http.response.zerocopysend":
            part = FilePart(message["file"], message["offset"], message["count"])
            await self._send_past(part)
        elif message["type"] == PIPES:
            await self._send_past(Piped(message["file"], message["count"]))
        else:
            self._write(body)
        if not message.get("more_body", False):
            self._complete()

    def _stop_waiting(self) -> None:
        self._line.connections.collected -= self._waiting
        self._waiting = 0

    def _keep(self, data: Bytes) -> None:
        if len(data) > SCRAP or not self._pieces:
            self._pieces.append(data)
        elif isinstance(last := self._pieces[-1], bytearray):
            last += data
        else:
            self._pieces.append(bytearray(data))

    def _take(self) -> list[Bytes]:
        """What was collected, which is the caller's from now on."""
        pieces, self._pieces = self._pieces, []
        self._line.connections.collected -= self._collected
        self._collected = 0
        return pieces

    def _wake(self) -> None:
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_result(None)

    def _goes_on(self) -> bool:
        """Whether there may be more to tell: more of the body, or else that the client left."""
        if self.gone or self.complete:
            return False
        return self._end_taken or self.more_body

    def _render(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
        lines = [_STATUS_LINES[status], self._line.connections.date]
        self._sized = self._is_head or status in _WITHOUT_BODY
        for name, value in headers:
            lines.append(header_line(name, value))
            if name == b"content-length":
                self._sized, self._unsent = True, 0 if self._is_head else int(value)
        if not self._sized:
            self._go_without_length(lines)
        lines.append(b"\r\n" if self.keep_alive else b"Connection: close\r\n\r\n")
        return b"".join(lines)

    def _go_without_length(self, lines: list[bytes]) -> None:
        """The body ends with its last chunk, or (HTTP/1.0) with the connection."""
        if self.scope["http_version"] == "1.0":
            self.keep_alive = False
        else:
            self._chunked = True
            lines.append(b"Transfer-Encoding: chunked\r\n")

    def _write(self, body: Bytes) -> None:
        if self._is_head:
            body = b""
        if self._sized:
            self._unsent -= len(body)
            if self._unsent < 0:
                raise ValueError("the body is longer than its Content-Length")
        elif self._chunked and body:
            body = b"".join((b"%x\r\n" % len(body), body, b"\r\n"))
        head, self._head, self.started = self._head, b"", True
        if not head:
            self._line.transport.write(body)
        elif len(body) <= COPIED:
            self._line.transport.write(b"".join((head, body)))
        else:
            self._line.transport.writelines([head, body])

    async def _send_past(self, part: FilePart | Piped) -> None:
        """Send what does not pass through this program."""
        await self._line.flushed()
        self._unsent -= part.size
        head, self._head, self.started = self._head, b"", True
        if self._sender is None:
            self._sender = FileSender(self._line.transport, self._line.connections.file_turns)
        await self._sender.send(head, part)

    def _complete(self) -> None:
        if self._unsent:
            raise ValueError("the body is shorter than its Content-Length")
        if self._chunked:
            self._line.transport.write(b"0\r\n\r\n")
        self.complete = True
        self._wake()
        self._line.answered(self)

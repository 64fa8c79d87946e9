"""The body of a request, between the connection and the application.

While the application works on a piece, the next one is collected; when that is there as well, the
connection is not read, so that a client can neither outrun the disk nor fill the memory.
"""

import asyncio
import mmap
from collections.abc import Callable

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from lading.api.asgi import Message
from lading.api.body import PIECE
from lading.core.digest import Bytes


class Body:
    """Collects the body of one request, and is ASGI's `receive` for it.

    uvicorn's own stops reading after 64 KiB until the application asks, and copies what it has
    with each piece that arrives.
    """

    def __init__(self, request: RequestResponseCycle, flow: FlowControl, size: int | None) -> None:
        self._request = request
        self._flow = flow
        self._size = size
        self._pieces: list[Bytes] = []
        self._waiting = 0
        self._received = 0
        self._told_end = False

    @property
    def missing(self) -> int:
        """Bytes that have not come yet; 0 if the client did not say how many there are."""
        return 0 if self._size is None else self._size - self._received

    def add(self, data: Bytes) -> None:
        """Take what the connection brings."""
        self._received += len(data)
        if self._request.response_complete:  # an error, which did not need the body
            return
        self._pieces.append(data)
        self._waiting += len(data)
        if self._waiting >= PIECE and not self._request.transport.is_closing():
            self._flow.pause_reading()
        self._request.message_event.set()

    async def receive(self) -> Message:
        """What was collected, as soon as there is something; at the end, that it is the end.

        What is returned may be overwritten when the application asks again.
        """
        self._invite()
        while not self._pieces and self._goes_on():
            self._read_on()
            await self._request.message_event.wait()
            self._request.message_event.clear()
        if not self._pieces and (self._told_end or self._request.more_body):
            return {"type": "http.disconnect"}
        self._told_end = not self._request.more_body
        body = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces, self._waiting = [], 0
        self._read_on()
        return {"type": "http.request", "body": body, "more_body": self._request.more_body}

    def _read_on(self) -> None:
        if not self._request.transport.is_closing():
            self._flow.resume_reading()

    def _goes_on(self) -> bool:
        """Whether there may be more to tell: more of the body, or else that the client left."""
        if self._request.disconnected or self._request.response_complete:
            return False
        return self._told_end or self._request.more_body

    def _invite(self) -> None:
        """Tell a client that asked whether to send that it may (RFC 9110, 10.1.1)."""
        if self._request.waiting_for_100_continue and not self._request.transport.is_closing():
            self._request.waiting_for_100_continue = False
            self._request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")


class LargeBody(asyncio.BufferedProtocol):
    """Takes the place of the connection's protocol while bytes of a body come that were announced.

    They go from the socket into the buffer from which they are hashed and written: no parser looks
    at them, nothing copies them. Two buffers take turns: one is filled while the application works
    on the other.
    """

    def __init__(
        self,
        body: Body,
        connection: asyncio.Protocol,
        *,
        progressed: Callable[[], None],
        completed: Callable[[], None],
    ) -> None:
        self._body = body
        self._connection = connection
        self._progressed = progressed
        self._completed = completed
        # The kernel gives such memory when it is written to: a client that stops early, or stands
        # still, takes no more of it than it has sent.
        self._filling = memoryview(mmap.mmap(-1, min(PIECE, body.missing)))
        self._working = memoryview(mmap.mmap(-1, len(self._filling)))
        self._filled = 0

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's
        """Where the next bytes go."""
        end = min(len(self._filling), self._filled + self._left())
        return self._filling[self._filled : end]

    def buffer_updated(self, nbytes: int) -> None:
        """So many have come."""
        self._progressed()
        self._filled += nbytes
        if self._filled == len(self._filling) or self._left() == 0:
            self._hand_over()
        if self._body.missing == 0:
            self._completed()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has left; what came is kept."""
        self._hand_over()
        self._connection.connection_lost(exc)

    def pause_writing(self) -> None:
        """See `asyncio.BaseProtocol`."""
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        """See `asyncio.BaseProtocol`."""
        self._connection.resume_writing()

    def _left(self) -> int:
        """Bytes of the body that are neither handed over nor in the buffer."""
        return self._body.missing - self._filled

    def _hand_over(self) -> None:
        if self._filled:
            self._body.add(self._filling[: self._filled])
            self._filling, self._working = self._working, self._filling
            self._filled = 0

"""Closing a connection on which the client is still sending.

"If a server performs an immediate close of a TCP connection, there is a significant risk that the
client will not be able to read the last HTTP response. … To avoid the TCP reset problem, servers
typically close a connection in stages" (RFC 9112, 9.6): no more is sent, and what still comes is
read and forgotten, until the client closes its side or has had its time.
"""

import asyncio
from collections.abc import Callable

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

# Seconds that a client has to read the last response.
LINGER = 5.0


class PartingTransport(asyncio.Transport):
    """The transport of a request with a body, which is not closed in the middle of it.

    uvicorn closes the transport of a connection that is not to be used again as soon as a response
    is complete: an upload that was refused, on a connection of a proxy that opens one for each
    request, would be answered with a reset.

    Args:
        transport: of the connection.
        request: that the connection may end with.
        part: closes the connection in stages.
    """

    def __init__(
        self, transport: asyncio.Transport, request: RequestResponseCycle, part: Callable[[], None]
    ) -> None:
        super().__init__()
        self._transport = transport
        self._request = request
        self._part = part

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes."""
        self._transport.write(data)

    def is_closing(self) -> bool:
        """Whether the connection is closed, or about to be."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Close the connection when the client can have read the response."""
        if self._request.more_body:
            self._part()
        else:
            self._transport.close()

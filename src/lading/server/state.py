"""What all connections of a process share."""

from collections.abc import Mapping
from email.utils import formatdate

from uvicorn.server import ServerState

from lading.server.sharing import Share


class State(ServerState):
    """See the module.

    Attributes:
        max_head: bytes that all headers of a request may have, as they are on the wire.
        ending: the server was told to stop: no connection outlives its next response.
        share: how many connections this process has.
        collected: bytes of bodies that have come, and that no application has taken.
        headers: of every response that has no other ones of these names; the application knows.
        date: the line that tells the time in every response (RFC 9110, 6.6.1).
    """

    ending = False
    collected = 0
    date: bytes

    def __init__(self, max_head: int, share: Share, headers: Mapping[str, str]) -> None:
        super().__init__()
        self.headers = headers
        self.max_head = max_head
        self.share = share
        self.look_at_clock()

    def look_at_clock(self) -> None:
        """Renew the date."""
        self.date = f"Date: {formatdate(usegmt=True)}\r\n".encode()

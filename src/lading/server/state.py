"""What all connections of a process share."""

from collections.abc import Mapping
from email.utils import formatdate

from uvicorn.server import ServerState

from lading.server.addresses import Addresses
from lading.server.notices import Notice
from lading.server.sharing import Share


class State(ServerState):
    """See the module.

    Attributes:
        max_head: bytes that all headers of a request may have, as they are on the wire.
        ending: the server was told to stop: no connection outlives its next response.
        share: how many connections this process has.
        addresses: how many connections each client has.
        http_for_https, https_for_http: about clients that speak the one where the other is spoken.
        collected: bytes of bodies that have come, and that no application has taken.
        headers: of every response that has no other ones of these names; the application knows.
        date: the line that tells the time in every response (RFC 9110, 6.6.1).
    """

    ending = False
    collected = 0
    date: bytes

    def __init__(
        self,
        max_head: int,
        share: Share,
        headers: Mapping[str, str],
        addresses: Addresses | None = None,
    ) -> None:
        super().__init__()
        self.headers = headers
        self.max_head = max_head
        self.share = share
        self.addresses = addresses or Addresses(0)
        self.http_for_https = Notice(
            "a client at %s speaks HTTP, and this registry HTTPS: give it an address with https://"
        )
        self.https_for_http = Notice(
            "a client at %s speaks HTTPS, and this registry HTTP: tell it so"
            " (Docker: insecure-registries), or set http.tls"
        )
        self.look_at_clock()

    def look_at_clock(self) -> None:
        """Renew the date."""
        self.date = f"Date: {formatdate(usegmt=True)}\r\n".encode()

"""The connections of a worker, and what they share."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from email.utils import formatdate
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING

from lading.edge.budget import MEMORY
from lading.edge.forwarded import is_trusted
from lading.edge.limits import client_of
from lading.server.http.deadlines import Deadlines, State
from lading.server.http.turns import FILE_TURN, TURN, SendingTurns
from lading.system.room import Budget

if TYPE_CHECKING:
    from lading.server.http.connection import Connection


class Addresses:
    """Counts the connections of each client.

    Args:
        most: connections that one may have; 0 for any number.
        proxies: whose connections are those of many clients.
    """

    def __init__(self, most: int, proxies: Sequence[IPv4Network | IPv6Network] = ()) -> None:
        self._most = most
        self._proxies = proxies
        self._counts: Counter[str] = Counter()

    def enter(self, peer: str) -> bool:
        """Count a connection until it ends; false if its client has more than it may.

        The address of a Unix socket is empty.
        """
        client = self._client(peer)
        if client is None:
            return True
        self._counts[client] += 1
        return self._counts[client] <= self._most

    def leave(self, peer: str) -> None:
        """Forget a connection."""
        client = self._client(peer)
        if client is not None:
            self._counts[client] -= 1
            if self._counts[client] == 0:
                del self._counts[client]

    def _client(self, peer: str) -> str | None:
        """Whose connection is counted; `None` if it is not."""
        if not self._most or not peer or is_trusted(peer, self._proxies):
            return None
        return client_of(peer)


log = logging.getLogger(__name__)

# Seconds after which an address is named again, and addresses that are named within them.
WARN_AGAIN = 600.0
MOST_WARNED = 100


class ClientWarning:
    """A warning about the client at an address, `%s` in its text: one for each, now and then.

    Args:
        local: how severe it is for a client on this machine.
    """

    def __init__(self, text: str, *, local: int = logging.WARNING) -> None:
        self._text = text
        self._local = local
        self._named: set[str] = set()
        self._until = 0.0

    def give(self, address: str) -> None:
        """Warn, unless that was done a short while ago."""
        address = address.removeprefix("::ffff:")  # IPv4, by a socket of both
        now = time.monotonic()
        if now >= self._until:
            self._named.clear()
            self._until = now + WARN_AGAIN
        if address not in self._named and len(self._named) < MOST_WARNED:
            self._named.add(address)
            is_local = address == "::1" or address.startswith("127.")
            log.log(self._local if is_local else logging.WARNING, self._text, address)


class Connections:
    """All connections of one worker.

    Args:
        max_head: bytes that all headers of a request may have, as they are on the wire.
        headers: of every response that has no other ones of these names; the application knows.
        timeouts: seconds that a connection has in each state.
        memory: for bodies of requests; the application takes of the same.
        on_lost: called when a connection has ended.

    Attributes:
        tasks: in which applications answer.
        ending: the worker was told to stop: no connection outlives its next response.
        http_for_https, https_for_http: about clients that speak the one where the other is spoken.
        proxy_protocol: about proxies that speak that before anything else.
        collected: bytes of bodies that have come, and that no application has taken.
        turns, file_turns: in which large answers leave, out of memory and out of files.
        date: the line that tells the time in every response (RFC 9110, 6.6.1).
    """

    ending = False
    collected = 0
    date: bytes

    def __init__(
        self,
        max_head: int,
        headers: Mapping[str, str],
        timeouts: Mapping[State, float],
        addresses: Addresses | None = None,
        memory: Budget | None = None,
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        self.headers = headers
        self.max_head = max_head
        self.timeouts = timeouts
        self.addresses = addresses or Addresses(0)
        self.memory = memory or Budget(MEMORY)
        self.turns, self.file_turns = SendingTurns(TURN), SendingTurns(FILE_TURN)
        self.open: set[Connection] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.http_for_https = ClientWarning(
            "a client at %s speaks HTTP, and this registry HTTPS: give it an address with https://"
        )
        self.https_for_http = ClientWarning(
            "a client at %s tried HTTPS, and this registry speaks HTTP: some go on by that, others"
            " have to be told (Docker: insecure-registries); or set http.tls",
            # Most try HTTPS first, and go on by HTTP with who is at the same machine.
            local=logging.INFO,
        )
        self.proxy_protocol = ClientWarning(
            "a proxy at %s sends the PROXY protocol, which is not understood: switch it off there,"
            " and have it send X-Forwarded-For (http.trustedproxies)"
        )
        self._on_lost = on_lost
        self._look_at_clock()

    def sweep(self, now: float) -> None:
        """Renew the date, and end connections whose time is over by the loop's clock."""
        self._look_at_clock()
        for connection in list(self.open):
            connection.deadlines.leave_if_over(now)

    def guests(self) -> Iterator[Deadlines]:
        """All of them, as those who may have to leave for another."""
        return (connection.deadlines for connection in self.open)

    def end_after_responses(self) -> None:
        """Have no connection outlive its next response."""
        self.ending = True
        for connection in self.open:
            connection.end_after_response()

    def end(self) -> None:
        """Close every connection: now if nothing is on its way, else after it."""
        for connection in list(self.open):
            connection.end()

    def abort(self) -> None:
        """Close every connection, whatever is on its way."""
        for connection in list(self.open):
            connection.transport.abort()

    def _look_at_clock(self) -> None:
        self.date = f"Date: {formatdate(usegmt=True)}\r\n".encode()

    def lost(self, connection: "Connection", peer: str) -> None:
        """Forget a connection that has ended."""
        self.open.discard(connection)
        self.addresses.leave(peer)
        self._on_lost()

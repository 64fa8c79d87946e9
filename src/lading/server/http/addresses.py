"""How many connections each address has, where an operator limits them."""

from collections import Counter
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network

from lading.edge.forwarded import is_trusted
from lading.edge.limits import client_of


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

        Args:
            peer: the address; empty for a Unix socket.
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

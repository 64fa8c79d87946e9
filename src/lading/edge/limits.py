"""Limits of clients: how much of the registry's attention each of them gets.

A client is an address; of IPv6 the first half of one, for whoever has an address there has them
all. An upload is also its caller's: many people may come from one address. Every worker counts for
itself, so each is given its share of what the operator allows: all together let about that much
through, and a client that keeps to one connection gets one share.
"""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from lading.core.buckets import Buckets
from lading.core.errors import TooManyRequests

# Seconds after which a client may try again that has too many uploads under way.
_UPLOAD_RETRY = 5.0
# RFC 6052, section 2.1: all of IPv4, as clients without it reach and are seen.
_NAT64 = IPv6Network("64:ff9b::/96")
_UNCOUNTED = nullcontext()


class ClientLimits:
    """Counts requests and uploads of each client of a worker.

    Args:
        rate: requests per second of one client; 0 for any number.
        burst: requests of one client at once.
        uploads: requests of one client that bring bytes of blobs, at the same time; 0 for any
            number.
    """

    def __init__(self, *, rate: float = 0, burst: int = 1, uploads: int = 0) -> None:
        self._requests = Buckets(burst=burst, per_second=rate) if rate else None
        self._most_uploads = uploads
        self._uploads: Counter[tuple[str, str]] = Counter()

    def count_request(self, address: str) -> None:
        """Count a request of a client.

        Raises:
            TooManyRequests: the client has to wait; this request does not count.
        """
        if self._requests is None or not address:
            return
        client, now = client_of(address), time.monotonic()
        wait = self._requests.wait(client, now)
        if wait > 0:
            raise TooManyRequests("too many requests from your address; slow down", wait)
        self._requests.add(client, now)

    def count_upload(self, address: str, caller: str) -> AbstractContextManager[None]:
        """Count an upload of a client, and of who that is, for the length of the block.

        Raises:
            TooManyRequests: there are as many under way as may be.
        """
        if self._most_uploads == 0 or not address:
            return _UNCOUNTED
        return self._counted((client_of(address), caller))

    @contextmanager
    def _counted(self, client: tuple[str, str]) -> Iterator[None]:
        if self._uploads[client] >= self._most_uploads:
            raise TooManyRequests(
                f"more than {self._most_uploads} uploads at once from your address;"
                " wait for one to finish",
                _UPLOAD_RETRY,
            )
        self._uploads[client] += 1
        try:
            yield
        finally:
            self._uploads[client] -= 1
            if self._uploads[client] == 0:
                del self._uploads[client]


@lru_cache(maxsize=256)  # most requests come from a few; to read an address takes microseconds
def client_of(address: str) -> str:
    """The text that stands for all addresses that one client can have at will."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    if parsed in _NAT64:
        return str(IPv4Address(parsed.packed[12:]))
    return parsed.packed[:8].hex()

"""Where a request came from, behind proxies.

Only a proxy that the operator named is believed; anybody can send `X-Forwarded-For`.
"""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Networks = Sequence[IPv4Network | IPv6Network]


def is_trusted(peer: str, proxies: Networks) -> bool:
    """Whether the other end of the connection is one of the operator's proxies."""
    address = _parse(peer)
    return address is not None and any(address in network for network in proxies)


def client_address(peer: str, headers: Mapping[str, str], proxies: Networks) -> str:
    """The address of the client, as far as the chain of proxies can be trusted.

    Each proxy appends the address it saw, so the list is read from its end: the first one that is
    not a proxy of ours is the client.
    """
    address = peer
    for hop in reversed(headers.get("x-forwarded-for", "").split(",")):
        if not is_trusted(address, proxies) or _parse(hop) is None:
            break
        address = hop.strip()
    return address


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address

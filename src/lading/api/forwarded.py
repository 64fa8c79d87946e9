"""Where a request came from, behind proxies.

Only a proxy that the operator named is believed; anybody can send `X-Forwarded-For`.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from lading.api.request import Request

# RFC 3986, section 3.2: a name or an address, and a port; nothing that could end a header.
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?", re.ASCII)

# Segments that cannot be taken for a host, for what leads upwards, or for the end of a path.
_PREFIX = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]{1,64}){1,8}/?", re.ASCII)

Networks = Sequence[IPv4Network | IPv6Network]


def is_trusted(peer: str, proxies: Networks) -> bool:
    """Whether the other end of the connection is one of the operator's proxies."""
    address = _parse(peer) if proxies else None
    return address is not None and any(address in network for network in proxies)


def client_address(peer: str, headers: Mapping[str, str], proxies: Networks) -> str:
    """The address of the client, as far as the chain of proxies can be trusted.

    Each proxy appends the address it saw, so the list is read from its end: the first one that is
    not a proxy of ours is the client.
    """
    address, chain = peer, headers.get("x-forwarded-for")
    if chain is None:
        return _plain(address)
    for hop in reversed(chain.split(",")):
        if not is_trusted(address, proxies) or _parse(hop) is None:
            break
        address = hop.strip()
    return _plain(address)


def _plain(address: str) -> str:
    """A socket for both families shows IPv4's addresses inside of IPv6's; nobody else does."""
    return address.removeprefix("::ffff:") if "." in address else address


def public_prefix(request: Request, proxies: Networks) -> str:
    """The path below which the client reaches the registry: empty, or `/a/b`.

    A proxy that takes a prefix off a path tells of it by `X-Forwarded-Prefix`, as Traefik does; it
    comes before what the registry has of its own.
    """
    said = request.headers.get("x-forwarded-prefix")
    if said is None or not is_trusted(request.peer, proxies):
        return request.prefix
    said = said.rpartition(",")[2].strip()  # as for the scheme and the host
    return (said.rstrip("/") if _PREFIX.fullmatch(said) else "") + request.prefix


def base_url(request: Request, proxies: Networks) -> str:
    """Where the client reaches the registry, as far as that can be known: `https://host:port`.

    A `Host` that is none is the client's own mistake, and only the client sees what comes of it.
    """
    scheme = str(request.scope["scheme"])
    host = request.headers.get("host", "")
    if is_trusted(request.peer, proxies):
        # The proxy next to this server comes last, if there are several.
        proto = request.headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
        scheme = proto if proto in {"http", "https"} else scheme
        host = request.headers.get("x-forwarded-host", "").rpartition(",")[2].strip() or host
    return f"{scheme}://{host if _HOST.fullmatch(host) else 'localhost'}"


@lru_cache(maxsize=1024)  # the same few proxies and clients, with each request
def _parse(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address

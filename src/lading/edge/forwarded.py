"""What proxies say of a request: where it came from, where its client went, which id it has.

Only a proxy that the operator named is believed; anybody can send `X-Forwarded-For`.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Self
from urllib.parse import urlsplit

from lading.edge.forwarded_elements import address_in, parse_forwarded
from lading.edge.request import Request

# RFC 3986, section 3.2: a name or an address, and a port; nothing that could end a header.
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?", re.ASCII)

# Segments that cannot be taken for a host, for what leads upwards, or for the end of a path.
_PREFIX = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]{1,64}){1,8}/?", re.ASCII)

# What prints, and neither ends a column of a log line nor has to be escaped in one.
_ID = re.compile(r"[!#-\[\]-~]{1,128}")
_IDS_AT_ONCE = 256
# Characters of an address with a zone, which the name of an interface is, and spaces.
_LONGEST_ADDRESS = 100
_THIS_MACHINE = "127.0.0.1"
_USUAL = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host")

Networks = Sequence[IPv4Network | IPv6Network]


def is_trusted(peer: str, proxies: Networks) -> bool:
    """Whether the other end of the connection is one of the operator's proxies.

    At the other end of a Unix socket, which has no address, is this machine.
    """
    address = _parse(peer or _THIS_MACHINE) if proxies else None
    return address is not None and any(address in network for network in proxies)


def client_address(peer: str, headers: Mapping[str, str], proxies: Networks) -> str:
    """The address of the client, as far as the chain of proxies can be trusted.

    Each proxy appends the address it saw, so the list is read from its end: the first one that is
    not a proxy of ours is the client.
    """
    address = peer
    if not is_trusted(peer, proxies):
        return _plain(address)
    for hop in reversed(_hops(headers)):
        if not is_trusted(address, proxies) or (said := _parse(address_in(hop))) is None:
            break
        address = str(said)
    return _plain(address)


def says_as_standardized(headers: Mapping[str, str]) -> bool:
    """Whether a proxy has said what it knows by `Forwarded` (RFC 7239), and by nothing else.

    One that knows `X-Forwarded-*` alone passes on what a client has sent it as `Forwarded`.
    """
    return "forwarded" in headers and not any(name in headers for name in _USUAL)


def _hops(headers: Mapping[str, str]) -> Sequence[str]:
    chain = headers.get("x-forwarded-for")
    if chain is not None:
        return chain.split(",")
    if says_as_standardized(headers):
        return [each.get("for", "") for each in parse_forwarded(headers["forwarded"])]
    return ()


def forwarded_id(request: Request, proxies: Networks) -> str:
    """The id that a proxy of ours gave a request; empty if none did."""
    given = request.headers.get("x-request-id", "")
    return given if _ID.fullmatch(given) and is_trusted(request.peer, proxies) else ""


def new_ids() -> Iterator[str]:
    """Ids for requests: random ones, of which the system is asked for many at once."""
    while True:
        block = os.urandom(16 * _IDS_AT_ONCE).hex()
        for start in range(0, len(block), 32):
            yield block[start : start + 32]


def _plain(address: str) -> str:
    """An address as people write it: a socket for both families shows IPv4's as IPv6's."""
    return address.removeprefix("::ffff:") if "." in address else address


@dataclass(frozen=True, slots=True)
class PublicAddress:
    """The public address: where clients reach the registry.

    Attributes:
        origin: `https://host:port`, if the operator says it; else empty.
        path: what is before `/v2/`, if the operator says it; else `None`.
        prefix: what the registry itself has before `/v2/`.
        proxies: who may say the rest.
    """

    origin: str = ""
    path: str | None = None
    prefix: str = ""
    proxies: Networks = ()

    @classmethod
    def of(cls, host: str, prefix: str, proxies: Networks) -> Self:
        """The address that the settings give; `host` is a URL, or empty.

        A URL with a path is the whole of where clients go, as it is in Distribution: nothing that
        a proxy or the registry has of its own comes between that and `/v2/`.
        """
        parts = urlsplit(host)
        origin = host.removesuffix(parts.path) if parts.path else host
        return cls(origin, parts.path or None, prefix, proxies)

    def path_of(self, request: Request, path: str) -> str:
        """A path of the registry's as the client of a request sees it."""
        if self.path is not None:
            return self.path + path
        # What a program has before it that this registry is inside of.
        mounted = str(request.scope.get("root_path", ""))
        return _forwarded_prefix(request, self.proxies) + mounted + self.prefix + path

    def url_of(self, request: Request, path: str) -> str:
        """A URL of the registry's, with scheme and host as far as they can be known."""
        origin = self.origin or base_url(request, self.proxies)
        return origin + self.path_of(request, path)


def _forwarded_prefix(request: Request, proxies: Networks) -> str:
    """What a proxy took off the path, and tells of as Traefik does: empty, or `/a/b`."""
    said = request.headers.get("x-forwarded-prefix")
    if said is None or not is_trusted(request.peer, proxies):
        return ""
    said = said.rpartition(",")[2].strip()  # as for the scheme and the host
    return said.rstrip("/") if _PREFIX.fullmatch(said) else ""


def base_url(request: Request, proxies: Networks) -> str:
    """Where the client reaches the registry, as far as that can be known: `https://host:port`.

    A `Host` that is none is the client's own mistake, and only the client sees what comes of it.
    """
    scheme = str(request.scope["scheme"])
    host = request.headers.get("host", "")
    if is_trusted(request.peer, proxies):
        said = said_by_proxy(request.headers)
        scheme = said["proto"] if said["proto"] in {"http", "https"} else scheme
        host = said["host"] or host
    return f"{scheme}://{host if _HOST.fullmatch(host) else 'localhost'}"


def said_by_proxy(headers: Mapping[str, str]) -> Mapping[str, str]:
    """What the proxy next to this server says of `proto` and `host`, each empty if it does not."""
    if says_as_standardized(headers):
        last = next(reversed(parse_forwarded(headers["forwarded"])), {})
        return {"proto": last.get("proto", "").lower(), "host": last.get("host", "")}
    # It comes last, if there are several.
    proto, host = (
        headers.get(name, "").rpartition(",")[2].strip()
        for name in ("x-forwarded-proto", "x-forwarded-host")
    )
    return {"proto": proto.lower(), "host": host}


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    """An address; without its zone, which only says by which interface it is reached."""
    # A client may have written it, and what is asked for is remembered.
    return _remembered_address(text) if len(text) <= _LONGEST_ADDRESS else None


@lru_cache(maxsize=1024)  # the same few proxies and clients, with each request
def _remembered_address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address

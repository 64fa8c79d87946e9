"""What proxies say of a request: where it came from, where its client went, which id it has.

Only a proxy that the operator named is believed; anybody can send `X-Forwarded-For`.
"""

import logging
import math
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Self
from urllib.parse import urlsplit

from lading.auth.known import KnownLogins
from lading.core.typing import override
from lading.edge.observers import Answered, Observer
from lading.edge.request import Request

# RFC 3986, section 3.2: a name or an address, and a port; nothing that could end a header.
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?", re.ASCII)

# Segments that cannot be taken for a host, for what leads upwards, or for the end of a path.
_PREFIX = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]{1,64}){1,8}/?", re.ASCII)

# What prints, and neither ends a column of a log line nor has to be escaped in one.
_ID = re.compile(r"[!#-\[\]-~]{1,128}")
_IDS_AT_ONCE = 256

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
    """Where clients reach the registry.

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
        """The same with scheme and host, as far as they can be known."""
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


log = logging.getLogger(__name__)

# What else a proxy that takes a prefix off is warned of.
_OF_PREFIX = (", and to paths without the prefix", " and http.prefix")
# Proxies that are warned of; anybody can send such a header.
MOST = 20
# With these, a client that came by a proxy which is not believed may have been wronged.
_SENT_AWAY = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS})


class UnnamedProxies(Observer):
    """Warns of each proxy that the operator has not named, and that so is not believed, once.

    A client that came to it by HTTPS is sent to `http://` for a token, and its login fails; all its
    clients count as one. So it is told of when one of them is refused, be it for another reason.

    Args:
        named: by the operator.
        known: which were told of, by this worker or another.
    """

    def __init__(self, named: Networks, known: KnownLogins) -> None:
        self._named = named
        self._known = known
        self._left = MOST

    @override
    async def note(self, answered: Answered) -> None:
        request = answered.request
        # Without the prefix that a proxy takes off, no address in any answer is right.
        if answered.status not in _SENT_AWAY and "x-forwarded-prefix" not in request.headers:
            return
        said = _said(request)
        if not said or not self._left or is_trusted(request.peer, self._named):
            return
        proxy, now = self._known.fingerprint("proxy", request.peer), time.monotonic()
        if self._known.is_known(proxy, now):
            return
        self._known.remember(proxy, now=now, until=math.inf)
        self._left -= 1
        peer = request.peer.removeprefix("::ffff:") or "a Unix socket"
        log.warning(
            "requests from %s have %s, which is not believed, as http.trustedproxies does not name"
            " it: clients are sent to %s:// to log in%s, and all that come by it count as one for"
            " limits; if it is your proxy, add it to http.trustedproxies, or set http.host%s",
            peer,
            said,
            request.scope["scheme"],
            *(_OF_PREFIX if "x-forwarded-prefix" in request.headers else ("", "")),
        )


def _said(request: Request) -> str:
    """The header by which a proxy has told where the request came from; empty if none did."""
    if "x-forwarded-prefix" in request.headers:
        return "`X-Forwarded-Prefix`"
    proto = request.headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
    if proto in {"http", "https"} and proto != request.scope["scheme"]:
        return f"`X-Forwarded-Proto: {proto}`"
    return "`X-Forwarded-For`" if "x-forwarded-for" in request.headers else ""

"""What proxies say of a request: where it came from, where its client went, which id it has.

Only a proxy that the operator named is believed; anybody can send `X-Forwarded-For`. Of one that is
not named, and whose clients suffer for it, the log has a warning.
"""

import logging
import math
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from http import HTTPStatus
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from lading.auth.login_record import KnownLogins
from lading.core.typing import override
from lading.edge.observers import Answered, Observer
from lading.edge.request import Request

log = logging.getLogger(__name__)

# RFC 7239, section 4: `for=192.0.2.60;proto=http`, with values that may be in quotes.
_VALUE = r'(?:[^\s;,="\\]*|"(?:[^"\\]|\\.)*")'
_PAIR = re.compile(rf"\s*([A-Za-z]{{1,16}})=({_VALUE})\s*(?:([;,])|$)", re.ASCII)
# Azure's gateway and IIS add the client's port; an address of IPv6 is in brackets then.
_NODE = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d{1,5})?|([0-9.]+):\d{1,5}", re.ASCII)

# What prints, and neither ends a column of a log line nor has to be escaped in one.
_ID = re.compile(r"[!#-\[\]-~]{1,128}")
_IDS_AT_ONCE = 256
# Characters of an address with a zone, which the name of an interface is, and spaces.
_LONGEST_ADDRESS = 100
_THIS_MACHINE = "127.0.0.1"
_USUAL = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host")

# What else a proxy that takes a prefix off is warned of.
_OF_PREFIX = (", and to paths without the prefix", " and http.prefix")
# Proxies that are warned of; anybody can send such a header.
MOST_WARNED = 20
# With these, a client that came by a proxy which is not believed may have been wronged.
_SENT_AWAY = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS})

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


def _says_as_standardized(headers: Mapping[str, str]) -> bool:
    """Whether a proxy has said what it knows by `Forwarded` (RFC 7239), and by nothing else.

    One that knows `X-Forwarded-*` alone passes on what a client has sent it as `Forwarded`.
    """
    return "forwarded" in headers and not any(name in headers for name in _USUAL)


def _hops(headers: Mapping[str, str]) -> Sequence[str]:
    chain = headers.get("x-forwarded-for")
    if chain is not None:
        return chain.split(",")
    if _says_as_standardized(headers):
        return [each.get("for", "") for each in _parse_forwarded(headers["forwarded"])]
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


def said_by_proxy(headers: Mapping[str, str]) -> Mapping[str, str]:
    """What the proxy next to this server says of `proto` and `host`, each empty if it does not."""
    if _says_as_standardized(headers):
        last = next(reversed(_parse_forwarded(headers["forwarded"])), {})
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


def address_in(node: str) -> str:
    """The address in what a proxy says of a client, without the port."""
    node = node.strip()
    match = _NODE.fullmatch(node)
    return (match[1] or match[2]) if match else node


def _parse_forwarded(header: str) -> Sequence[Mapping[str, str]]:
    """The elements of a `Forwarded` header, one of each proxy; those behind what cannot be read.

    A proxy appends to what a client has sent, which may be a quote that does not end.
    """
    elements: list[dict[str, str]] = [{}]
    place = 0
    while place < len(header):
        match = _PAIR.match(header, place)
        if match is None:
            elements = [{}]
            place = header.find(",", place) + 1 or len(header)
            continue
        name, value, end = match.groups()
        if value.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        elements[-1][name.lower()] = value
        if end == ",":
            elements.append({})
        place = match.end()
    return elements


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
        self._left = MOST_WARNED

    @override
    def note(self, answered: Answered) -> None:
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
        peer = request.peer.removeprefix("::ffff:") or "a Unix socket (127.0.0.1)"
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
    if _says_as_standardized(request.headers):
        return "`Forwarded`"
    proto = said_by_proxy(request.headers)["proto"]
    if proto in {"http", "https"} and proto != request.scope["scheme"]:
        return f"`X-Forwarded-Proto: {proto}`"
    return "`X-Forwarded-For`" if "x-forwarded-for" in request.headers else ""

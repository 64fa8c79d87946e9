"""Proxies that the operator has not named, and what their clients suffer: a warning in the log."""

import logging
import math
import time
from http import HTTPStatus

from lading.auth.login_record import KnownLogins
from lading.core.typing import override
from lading.edge.forwarded import Networks, is_trusted, said_by_proxy, says_as_standardized
from lading.edge.observers import Answered, Observer
from lading.edge.request import Request

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
    if says_as_standardized(request.headers):
        return "`Forwarded`"
    proto = said_by_proxy(request.headers)["proto"]
    if proto in {"http", "https"} and proto != request.scope["scheme"]:
        return f"`X-Forwarded-Proto: {proto}`"
    return "`X-Forwarded-For`" if "x-forwarded-for" in request.headers else ""

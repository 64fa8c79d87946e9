"""Redirects: which clients are sent to the object store for the bytes of a blob.

Who has such an address needs no permission any more, until it ends. So it is made for one request
that may have the blob, and ends some minutes after it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import translate

from lading.edge.forwarded import Networks, is_trusted
from lading.edge.request import Request, leaves_range
from lading.edge.response import BlobBody, Response
from lading.ports.object_sources import Chunks

# Conditions on an entity tag or a time: the store has others of both than this registry.
_CONDITIONS = ("if-match", "if-range", "if-modified-since", "if-unmodified-since")
# What is said of the bytes, which come from elsewhere.
_OF_THE_BYTES = ("Content-Type", "Content-Range", "Accept-Ranges", "ETag")


@dataclass(frozen=True, slots=True)
class RedirectRule:
    """The operator's rule: which clients are sent elsewhere, and how long the address is good.

    Attributes:
        seconds: how long; 0 if nobody is sent elsewhere.
        networks: of the clients that are; if there are none, all of them.
        but_networks: of those of them that are not.
        agents: patterns for the `User-Agent` of clients that are; if there are none, all of them.
        but_agents: of those of them that are not.
    """

    seconds: float = 0
    networks: Networks = ()
    but_networks: Networks = ()
    agents: Sequence[re.Pattern[str]] = ()
    but_agents: Sequence[re.Pattern[str]] = ()

    def allows(self, request: Request) -> bool:
        """Whether the client is sent elsewhere for what it asks.

        What the store would answer otherwise than this registry is answered here.
        """
        if not self.seconds or any(name in request.headers for name in _CONDITIONS):
            return False
        if self.networks and not is_trusted(request.address, self.networks):
            return False
        agent = request.headers.get("user-agent", "")
        if self.agents and not _is_one_of(agent, self.agents):
            return False
        return not (
            is_trusted(request.address, self.but_networks) or _is_one_of(agent, self.but_agents)
        )


async def redirected(rule: RedirectRule, request: Request, response: Response) -> Response:
    """The response, or one that sends the client to the object store for its body.

    The store obeys `Range` by itself (see `leaves_range`).

    Raises:
        Unavailable: no address can be made now.
    """
    body = response.body
    if (
        not isinstance(body, BlobBody)
        or not isinstance(body.source, Chunks)
        or not leaves_range(request.headers, response.status)
        or not rule.allows(request)
    ):
        return response
    address = await body.source.address(rule.seconds)
    return response if address is None else _to(address, response)


def _to(address: str, response: Response) -> Response:
    kept = {name: value for name, value in response.headers.items() if name not in _OF_THE_BYTES}
    # "the target resource resides temporarily under a different URI" (RFC 9110, 15.4.8); and the
    # address must not outlive itself in a cache.
    headers = {**kept, "Location": address, "Cache-Control": "no-store"}
    return Response(307, headers, digest=response.digest)


def agent_pattern(text: str) -> re.Pattern[str]:
    """A pattern for the whole of a `User-Agent`, in which `*` stands for any characters."""
    return re.compile(translate(text))


def _is_one_of(agent: str, patterns: Sequence[re.Pattern[str]]) -> bool:
    return any(pattern.match(agent) for pattern in patterns)

"""Which request is answered by what: one row per endpoint of the specification.

"<name>" may itself hold `/blobs/` or `/manifests/`, so paths are matched from the right: the
patterns are greedy.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from lading.api import base, blobs, listing, manifests, token, uploads
from lading.api.context import Context
from lading.core.errors import ReadOnly, RegistryError
from lading.edge.challenge import TOKEN_PATH
from lading.edge.needs import DELETE, PULL, PUSH, Need, Needs
from lading.edge.response import Response

Handler = Callable[[Context], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a method does.

    Attributes:
        id: the specification's name for it; tests are named by it.
        needs: what the caller must be allowed to do.
        writes: whether it changes anything, and so is refused while the registry is read-only.
    """

    id: str
    handler: Handler
    needs: Needs = PULL
    writes: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """A path, with its methods.

    Attributes:
        pattern: may name a `name` (the repository) and an `argument` (the last part).
    """

    pattern: re.Pattern[str]
    endpoints: Mapping[str, Endpoint]

    @property
    def allowed(self) -> str:
        """The value of `Allow`."""
        return ", ".join([*self.endpoints, "OPTIONS"])

    def allowed_after(self, error: RegistryError, method: str) -> str:
        """The value of `Allow` where a method that the path has is refused."""
        others = (
            name
            for name, endpoint in self.endpoints.items()
            if not (endpoint.writes if isinstance(error, ReadOnly) else name == method)
        )
        return ", ".join([*others, "OPTIONS"])


def _route(pattern: str, endpoints: Mapping[str, Endpoint]) -> Route:
    return Route(re.compile(pattern, re.DOTALL), endpoints)


def _readable(id_: str, handler: Handler, needs: Needs = PULL) -> dict[str, Endpoint]:
    endpoint = Endpoint(id_, handler, needs)
    return {"GET": endpoint, "HEAD": endpoint}


_NAME = "/v2/(?P<name>.*)"

ROUTES = (
    _route(
        f"{_NAME}/manifests/(?P<argument>[^/]*)",
        {
            "GET": Endpoint("end-3", manifests.get),
            "HEAD": Endpoint("end-3", manifests.head),
            "PUT": Endpoint("end-7", manifests.put, PUSH, writes=True),
            "DELETE": Endpoint("end-9", manifests.delete, DELETE, writes=True),
        },
    ),
    _route(
        f"{_NAME}/blobs/uploads/?",
        {"POST": Endpoint("end-4", uploads.start, PUSH, writes=True)},
    ),
    _route(
        f"{_NAME}/blobs/(?P<argument>[^/]*)",
        {
            "GET": Endpoint("end-2", blobs.get),
            "HEAD": Endpoint("end-2", blobs.head),
            "DELETE": Endpoint("end-10", blobs.delete, DELETE, writes=True),
        },
    ),
    _route(
        f"{_NAME}/blobs/uploads/(?P<argument>[^/]*)",
        {
            **_readable("end-13", uploads.status),
            "PATCH": Endpoint("end-5", uploads.append, PUSH, writes=True),
            "PUT": Endpoint("end-6", uploads.commit, PUSH, writes=True),
            "DELETE": Endpoint("end-14", uploads.cancel, PUSH, writes=True),
        },
    ),
    _route(f"{_NAME}/tags/list", _readable("end-8", listing.tags)),
    _route(f"{_NAME}/referrers/(?P<argument>[^/]*)", _readable("end-12", listing.referrers)),
    _route("/v2/_catalog", _readable("catalog", listing.catalog, Need.CATALOG)),
    _route("/v2/?", _readable("end-1", base.check, Need.LOGIN)),
    _route(
        TOKEN_PATH,
        {
            "GET": Endpoint("token", token.get, Need.NOTHING),
            "POST": Endpoint("token", token.post, Need.NOTHING),
        },
    ),
    _route("/", _readable("alive", base.alive, Need.NOTHING)),
)


class Match(NamedTuple):
    """A path that was recognised; its parts are not yet checked."""

    route: Route
    name: str | None
    argument: str


class Moved(NamedTuple):
    """A path with a slash too many, and the one that is meant, below the prefix."""

    place: str


def find_route(path: str, prefix: str = "") -> Match | Moved | None:
    """What a path leads to.

    Mirrors are configured by addresses that end with a slash, and put paths behind them; such a
    path is another one's, and nothing is done for it but to say which.

    Args:
        path: percent-decoded.
        prefix: that all paths are below, without a slash at its end.
    """
    match = _match(_below(prefix, path))
    if (match is None or "//" in path) and (place := _meant(path, prefix)):
        return Moved(place)
    return match


def _meant(path: str, prefix: str) -> str:
    """The path that is meant by one with a slash too many; empty if there is none."""
    single = re.sub("/{2,}", "/", path)
    # "remove_dot_segments" (RFC 3986, 5.2.4): clients would look for such a place elsewhere.
    if not {".", ".."}.isdisjoint(single.split("/")):
        return ""
    for other in (single, single.rstrip("/")):
        place = _below(prefix, other)
        if other != path and _match(place) is not None:
            return place
    return ""


def _below(prefix: str, path: str) -> str:
    """A path without the prefix; empty if it has another one.

    Who only looks whether somebody is there asks for `/` whatever the prefix, as Distribution's
    users do.
    """
    if path == "/" or not prefix:
        return path
    return path.removeprefix(prefix) if path.startswith(f"{prefix}/") else ""


def _match(path: str) -> Match | None:
    for route in ROUTES:
        match = route.pattern.fullmatch(path)
        if match is not None:
            parts = match.groupdict()
            return Match(route, parts.get("name"), parts.get("argument", ""))
    return None

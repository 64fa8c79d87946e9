"""Endpoints: the rows of a way in, each with all that is true of it, and what a path leads to.

A new endpoint is a handler and a row. Nothing is kept by an endpoint's id anywhere else.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, NamedTuple, TypeVar

from msgspec import Struct

from lading.core.access import Action, Actions
from lading.edge.request import Request
from lading.edge.response import Response


class Need(Enum):
    """A need that is not about a repository."""

    NOTHING = "anybody may"
    LOGIN = "a valid password or token of anybody's"
    CATALOG = "leave to ask which repositories there are"


Needs = Need | Actions
"""Either of these, or what must be allowed in the repository."""

PULL: Actions = frozenset({Action.PULL})
PUSH: Actions = frozenset({Action.PULL, Action.PUSH})
DELETE: Actions = frozenset({Action.DELETE})


C = TypeVar("C")
"""What the handlers of a way in are given: its context."""

Handler = Callable[[C], Awaitable[Response]]


class When(Enum):
    """When a request gets an entry in the audit log."""

    ALWAYS = "always"
    READ = "if reads are audited, or it was refused"
    CREATED = "if it created something, or was refused"
    REFUSED = "only if it was refused"


@dataclass(frozen=True, slots=True)
class Audited:
    """The name and the fields of an endpoint in the audit log, and when it is there.

    Attributes:
        name: of what they do.
        variants: other names, by the parameter of a request that then does this instead.
        fields: of an entry, by the parameters of the request that fill them.
        tags: the parameter that names more tags; empty if none does.
    """

    name: str
    when: When = When.REFUSED
    variants: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    tags: str = ""

    def name_of(self, request: Request) -> str:
        """The name of what a request does, for its entry."""
        found = (self.variants[name] for name in self.variants if request.parameter(name))
        return next(found, self.name)


@dataclass(frozen=True, slots=True)
class Endpoint(Generic[C]):
    """An endpoint: a method of a path, and a row of the table.

    Attributes:
        id: the specification's name for it; tests are named by it.
        audited: as what they are in the audit log.
        needs: what the caller must be allowed to do.
        writes: whether it changes anything, and so is refused while the registry is read-only.
        takes_bytes: whether it brings bytes of a blob, and so counts as an upload.
    """

    id: str
    handler: Handler[C]
    audited: Audited
    needs: Needs = PULL
    writes: bool = False
    takes_bytes: bool = False


@dataclass(frozen=True, slots=True)
class Route(Generic[C]):
    """A route: a path, with its endpoints by their methods.

    Attributes:
        name: that its requests are counted by, those of all pages together, and traced by;
            Distribution's, where that has such a path.
        pattern: may name a `name` (the repository), an `argument` and a `detail` (see `Match`).
    """

    name: str
    pattern: re.Pattern[str]
    endpoints: Mapping[str, Endpoint[C]]

    def allowed(self, *, read_only: bool, deletes: bool, refused: str = "") -> str:
        """The value of `Allow`.

        Args:
            read_only: whether nothing is written.
            deletes: whether anything is deleted.
            refused: a method that what is there does not have.
        """
        others = (
            name
            for name, endpoint in self.endpoints.items()
            if not (endpoint.writes and (read_only or (endpoint.needs == DELETE and not deletes)))
            and name != refused
        )
        return ", ".join([*others, "OPTIONS"])


class Match(Struct, Generic[C], frozen=True):
    """The route that a path leads to, and the parts of the path; the parts are not yet checked.

    Attributes:
        name: of the repository; `None` if the path is about none.
        argument: what in it the path is about; empty if that is nothing.
        detail: what of that; empty if it is all.
    """

    route: Route[C]
    name: str | None
    argument: str
    detail: str = ""


class Moved(NamedTuple):
    """A path with a slash too many or too few, and the one that is meant, below the prefix."""

    place: str


def find_route(routes: Sequence[Route[C]], path: str, prefix: str = "") -> Match[C] | Moved | None:
    """The route that a path leads to.

    Mirrors are configured by addresses that end with a slash, and put paths behind them; such a
    path is another one's, and nothing is done for it but to say which.

    Args:
        routes: the table; the first row that has the path counts.
        path: percent-decoded.
        prefix: that all paths are below, without a slash at its end.
    """
    match = _match(routes, _below(prefix, path))
    if (match is None or "//" in path) and (place := _meant(routes, path, prefix)):
        return Moved(place)
    return match


def _meant(routes: Sequence[Route[C]], path: str, prefix: str) -> str:
    """The path that is meant by one with a slash too many, or by the prefix without its slash.

    Empty if there is none.
    """
    if prefix and path == prefix:
        return "/" if _match(routes, "/") is not None else ""
    if "//" not in path and not path.endswith("/"):  # as of nearly all
        return ""
    single = re.sub("/{2,}", "/", path)
    # "remove_dot_segments" (RFC 3986, 5.2.4): clients would look for such a place elsewhere.
    if not {".", ".."}.isdisjoint(single.split("/")):
        return ""
    for other in (single, single.rstrip("/")):
        place = _below(prefix, other)
        if other != path and _match(routes, place) is not None:
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


def _match(routes: Sequence[Route[C]], path: str) -> Match[C] | None:
    for route in routes:
        match = route.pattern.fullmatch(path)
        if match is not None:
            parts = match.groupdict()
            detail = parts.get("detail") or ""
            return Match(route, parts.get("name"), parts.get("argument", ""), detail)
    return None

"""The audit log: who did what, where, from which address, and how it ended.

One JSON object for each request that changed or read something, and for each that was refused. What
a stranger sends goes in cut to a length and without control characters, and never as anything but a
string: nobody can forge an entry, or make one too long to be written at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from http import HTTPStatus

from lading.api.request import Request
from lading.api.response import encode_json
from lading.api.routes import find_route
from lading.journal import Journal


class Kind(Enum):
    """When a request is worth an entry."""

    CHANGE = "always"
    READ = "if reads are audited"
    LOOK = "only if it was refused"


@dataclass(frozen=True, slots=True)
class Deed:
    """What a request of some endpoint does."""

    name: str
    kind: Kind


DEEDS: Mapping[tuple[str, str], Deed] = {
    ("alive", "GET"): Deed("alive", Kind.LOOK),
    ("alive", "HEAD"): Deed("alive", Kind.LOOK),
    ("catalog", "GET"): Deed("catalog.list", Kind.READ),
    ("catalog", "HEAD"): Deed("catalog.list", Kind.LOOK),
    ("end-1", "GET"): Deed("api.check", Kind.LOOK),
    ("end-1", "HEAD"): Deed("api.check", Kind.LOOK),
    ("end-2", "GET"): Deed("blob.pull", Kind.READ),
    ("end-2", "HEAD"): Deed("blob.find", Kind.LOOK),
    ("end-3", "GET"): Deed("manifest.pull", Kind.READ),
    ("end-3", "HEAD"): Deed("manifest.find", Kind.LOOK),
    ("end-4", "POST"): Deed("upload.start", Kind.LOOK),
    ("end-5", "PATCH"): Deed("upload.write", Kind.LOOK),
    ("end-6", "PUT"): Deed("blob.push", Kind.CHANGE),
    ("end-7", "PUT"): Deed("manifest.push", Kind.CHANGE),
    ("end-8", "GET"): Deed("tags.list", Kind.READ),
    ("end-8", "HEAD"): Deed("tags.list", Kind.LOOK),
    ("end-9", "DELETE"): Deed("manifest.delete", Kind.CHANGE),
    ("end-10", "DELETE"): Deed("blob.delete", Kind.CHANGE),
    ("end-12", "GET"): Deed("referrers.list", Kind.READ),
    ("end-12", "HEAD"): Deed("referrers.list", Kind.LOOK),
    ("end-13", "GET"): Deed("upload.find", Kind.LOOK),
    ("end-13", "HEAD"): Deed("upload.find", Kind.LOOK),
    ("end-14", "DELETE"): Deed("upload.cancel", Kind.CHANGE),
    ("token", "GET"): Deed("token.issue", Kind.CHANGE),
    ("token", "POST"): Deed("token.issue", Kind.CHANGE),
}

# A POST can do all of a push at once: take the bytes, or take them over from elsewhere.
_WHOLE = Deed("blob.push", Kind.CHANGE)
_MOUNT = Deed("blob.mount", Kind.CHANGE)

_REFUSALS = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.CONFLICT,
        HTTPStatus.PRECONDITION_FAILED,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)


@dataclass(frozen=True, slots=True)
class Answered:
    """What was answered, to whom, and when.

    Attributes:
        digest: of what was pushed or pulled; empty if the answer named none.
    """

    status: int
    digest: str
    at: float


class AuditLog:
    """Writes entries to a journal.

    Attributes:
        reads: whether pulls and lists get an entry, too.
    """

    def __init__(self, journal: Journal, *, reads: bool) -> None:
        self._journal = journal
        self._reads = reads

    async def note(self, request: Request, answered: Answered) -> None:
        """Write the entry of a request, if it is worth one."""
        match = find_route(request.path)
        if match is None:
            return
        endpoint = match.route.endpoints.get(request.method)
        if endpoint is None:
            return
        deed = _deed(endpoint.id, request, answered.status)
        if self._is_worth_it(deed, request, answered.status):
            entry = _entry(deed, request, answered, match.name or "", match.argument)
            await self._journal.write(encode_json(entry) + b"\n")

    def _is_worth_it(self, deed: Deed, request: Request, status: int) -> bool:
        if status == HTTPStatus.UNAUTHORIZED and not request.claimed:
            # How every client asks, before it logs in; or a token that has come to its end.
            return False
        return (
            deed.kind is Kind.CHANGE
            or (deed.kind is Kind.READ and self._reads)
            or status in _REFUSALS
        )


def lost_entries(count: int) -> bytes:
    """The entry that stands for entries which could not be written."""
    return encode_json({"what": "audit.lost", "count": count}) + b"\n"


def _deed(endpoint: str, request: Request, status: int) -> Deed:
    if endpoint == "end-4" and status == HTTPStatus.CREATED:
        return _WHOLE if request.parameter("digest") else _MOUNT
    return DEEDS[endpoint, request.method]


def _entry(
    deed: Deed, request: Request, answered: Answered, repository: str, argument: str
) -> dict[str, str | int]:
    time = datetime.fromtimestamp(answered.at, UTC).isoformat(timespec="milliseconds")
    entry: dict[str, str | int] = {
        "time": time.replace("+00:00", "Z"),
        "who": _clip(request.caller),
        "what": deed.name,
        "repository": _clip(repository),
        "reference": _clip(argument),
        "digest": answered.digest,
        "from": request.address,
        "result": _result(answered.status),
        "status": answered.status,
        "agent": _clip(request.headers.get("user-agent", "")),
    }
    if request.claimed and not request.caller:
        entry["claimed"] = _clip(request.claimed)
    return {name: value for name, value in entry.items() if value != ""}


def _result(status: int) -> str:
    if status in _REFUSALS:
        return "refused"
    return "done" if status < HTTPStatus.BAD_REQUEST else "failed"


def _clip(text: str) -> str:
    """At most 256 characters, of which each takes at most four bytes."""
    return "".join(char if char.isprintable() else "?" for char in text[:256])

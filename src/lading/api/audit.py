"""The audit log: who did what, where, from which address, and how it ended.

One JSON object for each request that changed or read something, and for each that was refused; and
for what the server does by itself, or a command.
What a stranger sends goes in cut to a length and without what does not print, and never as anything
but a string: nobody can forge an entry, or make one too long to be written at once.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from http import HTTPStatus

from lading.api.routes import Match
from lading.auth.claims import said_subject
from lading.edge.credentials import Token, parse_authorization
from lading.edge.request import Request
from lading.edge.response import encode_json
from lading.system.logfile import LogFile


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

# A POST can do all of a push at once: take the bytes, or take them over from elsewhere. If it did
# not come to that, it has begun an upload.
_WHOLE = Deed("blob.push", Kind.LOOK)
_MOUNT = Deed("blob.mount", Kind.LOOK)
# A method that a path does not have.
_UNSUPPORTED = Deed("unsupported", Kind.LOOK)

# Characters of a text, and of all tags in an entry.
_MOST_CHARACTERS = 256
_MOST_TAGS = 640
# Bytes of an entry, and of each text in it if it would have more.
_MOST_BYTES = 4000
_FEW_BYTES = 256

_LOOKING = frozenset({"GET", "HEAD"})
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
    """Writes entries to a file.

    Attributes:
        reads: whether pulls and lists get an entry, too.
    """

    def __init__(self, file: LogFile, *, reads: bool) -> None:
        self._file = file
        self._reads = reads

    async def note(self, request: Request, match: Match, answered: Answered) -> None:
        """Write the entry of a request, if it is worth one."""
        if request.method == "OPTIONS":
            return
        endpoint = match.route.endpoints.get(request.method)
        deed = _UNSUPPORTED if endpoint is None else _deed(endpoint.id, request, answered.status)
        if self._is_worth_it(deed, request, answered.status):
            entry = _entry(deed, request, answered, match)
            for tags in _groups(_tags(request)) if deed.name == "manifest.push" else ((),):
                await self._file.write(_line({**entry, "tags": tags} if tags else entry))

    def record(self, what: str, details: Mapping[str, str], *, who: str, at: float) -> None:
        """Write the entry of something that no request has asked for.

        Args:
            what: was done.
            details: more of it, by name.
            who: has asked for it; empty for the server itself.
            at: when.
        """
        entry = {"time": _time(at), "who": who, "what": what, **details, "result": "done"}
        self._file.offer(_line({name: _clip(text) for name, text in entry.items() if text}))

    def _is_worth_it(self, deed: Deed, request: Request, status: int) -> bool:
        if status == HTTPStatus.UNAUTHORIZED and not _has_login(request):
            # How every client asks before it logs in; but none asks so to change something.
            return request.method not in _LOOKING
        return (
            deed.kind is Kind.CHANGE
            or (deed.kind is Kind.READ and self._reads)
            or status in _REFUSALS
        )


def lost_entries(count: int) -> bytes:
    """The entry that stands for entries which could not be written."""
    return encode_json({"what": "audit.lost", "count": count}) + b"\n"


def _deed(endpoint: str, request: Request, status: int) -> Deed:
    deed = DEEDS[endpoint, request.method]
    if endpoint == "end-4":
        if request.parameter("digest"):
            deed = _WHOLE
        elif request.parameter("mount") and status != HTTPStatus.ACCEPTED:
            deed = _MOUNT
        if status == HTTPStatus.CREATED:
            deed = Deed(deed.name, Kind.CHANGE)
    return deed


def _has_login(request: Request) -> bool:
    return bool(request.claimed) or "authorization" in request.headers


def _entry(deed: Deed, request: Request, answered: Answered, match: Match) -> dict[str, object]:
    entry = {
        "time": _time(answered.at),
        "who": _clip(request.caller),
        "claimed": "" if request.caller else _clip(request.claimed or claimed_by(request)),
        "what": deed.name,
        "repository": _clip(match.name or ""),
        "reference": _clip(match.argument),
        "digest": answered.digest or _asked_digest(request),
        "source": _clip(request.parameter("from") or "") if deed.name == "blob.mount" else "",
        "method": _clip(request.method) if deed is _UNSUPPORTED else "",
        **{name: _clip(text) for name, text in request.noted.items()},
        "from": request.address,
        "result": _result(answered.status),
        "status": answered.status,
        "agent": _clip(request.headers.get("user-agent", "")),
    }
    return {name: value for name, value in entry.items() if value != ""}


def _time(at: float) -> str:
    time = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return time.replace("+00:00", "Z")


def _asked_digest(request: Request) -> str:
    return _clip(request.parameter("digest") or request.parameter("mount") or "")


def claimed_by(request: Request) -> str:
    """Whose token a request came with, if that can be believed, which nobody has found so."""
    match parse_authorization(request.headers.get("authorization", "")):
        case Token(text):
            return said_subject(text)
        case _:
            return ""


def _tags(request: Request) -> Sequence[str]:
    return [_clip(tag) for tag in request.parameters.get("tag", [])]


def _groups(tags: Sequence[str]) -> Iterator[Sequence[str]]:
    """As many as an entry can hold; then there is another one."""
    group: list[str] = []
    for tag in tags:
        if group and sum(map(len, group)) + len(tag) > _MOST_TAGS:
            yield group
            group = []
        group.append(tag)
    yield group


def _result(status: int) -> str:
    if status in _REFUSALS:
        return "refused"
    return "done" if status < HTTPStatus.BAD_REQUEST else "failed"


def _clip(text: str) -> str:
    """At most 256 characters, of which each takes at most four bytes."""
    clipped = text[:_MOST_CHARACTERS]
    if clipped.isprintable():
        return clipped
    return "".join(char if char.isprintable() else "?" for char in clipped)


def _line(entry: Mapping[str, object]) -> bytes:
    """An entry that is written at once, whoever else writes there."""
    line = encode_json(entry)
    if len(line) > _MOST_BYTES:
        line = encode_json(
            {
                name: value.encode()[:_FEW_BYTES].decode(errors="ignore")
                if isinstance(value, str)
                else value
                for name, value in entry.items()
            }
        )
    return line + b"\n"

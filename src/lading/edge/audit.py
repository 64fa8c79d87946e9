"""The audit log: who did what, where, from which address, and how it ended.

One JSON object for each request that changed or read something, and for each that was refused; and
for what the server does by itself, or a command. What was refused is noted for the pages, too.
What a stranger sends goes in cut to a length and without what does not print, and never as anything
but a string: nobody can forge an entry, or make one too long to be written at once.
"""

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from lading.auth.claims import said_subject
from lading.core.history import NotedRefusal
from lading.core.timestamps import rfc3339
from lading.core.typing import override
from lading.edge.challenge import Token, parse_authorization
from lading.edge.endpoints import Audited, Match, When
from lading.edge.observers import Answered, Observer, Recorder
from lading.edge.request import Request
from lading.edge.response import encode_json
from lading.services.refusals import RefusalNotes
from lading.system.logfile import LogFile

# A method that a path does not have.
_UNSUPPORTED = Audited("unsupported")

# Characters of a text, and of all tags in an entry.
_MOST_CHARACTERS = 256
_MOST_TAGS = 640
# Bytes of an entry, and of each text in it if it would have more.
_MOST_BYTES = 4000
_FEW_BYTES = 256

_LOOKING = frozenset({"GET", "HEAD"})
# Statuses of requests that were refused.
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
# What is noted though it was not refused.
_SIGN_IN = "session.begin"


class AuditLog(Recorder):
    """The audit log: writes entries to a file.

    Attributes:
        reads: whether pulls and lists get an entry, too.
    """

    def __init__(self, file: LogFile, *, reads: bool) -> None:
        self._file = file
        self._reads = reads

    @override
    async def put_on_record(self, answered: Answered) -> None:
        request, match, endpoint = answered.request, answered.found, answered.endpoint
        if not isinstance(match, Match) or request.method == "OPTIONS":
            return
        audited = _UNSUPPORTED if endpoint is None else endpoint.audited
        if self._is_worth_it(audited, request, answered.status):
            entry = _entry(audited, answered, match)
            for tags in _groups(request.parameters.get(audited.tags, ())):
                await self._file.write(_line({**entry, "tags": tags} if tags else entry))

    def record(self, what: str, details: Mapping[str, str], *, who: str, at: float) -> None:
        """Write the entry of something that no request has asked for.

        Args:
            details: more of it, by name.
            who: has asked for it; empty for the server itself.
        """
        entry = {"time": rfc3339(at, 3), "who": who, "what": what, **details, "result": "done"}
        self._file.offer(_line({name: clipped(text) for name, text in entry.items() if text}))

    def _is_worth_it(self, audited: Audited, request: Request, status: int) -> bool:
        if status == HTTPStatus.UNAUTHORIZED and not _has_login(request):
            # How every client asks before it logs in; but none asks so to change something.
            return request.method not in _LOOKING
        match audited.when:
            case When.ALWAYS:
                wanted = True
            case When.READ:
                wanted = self._reads and request.method != "HEAD"
            case When.CREATED:
                wanted = status == HTTPStatus.CREATED
            case When.REFUSED:
                wanted = False
        return wanted or status in _REFUSALS


class RefusalObserver(Observer):
    """An observer of refusals and of sign-ins, which notes them in memory.

    Clients ask without a login before they log in, and so are refused each time; that is no news.
    """

    def __init__(self, notes: RefusalNotes) -> None:
        self._notes = notes

    @override
    def note(self, answered: Answered) -> None:
        request, match, endpoint = answered.request, answered.found, answered.endpoint
        is_refused = answered.status in _REFUSALS
        if not is_refused and (endpoint is None or endpoint.audited.name != _SIGN_IN):
            return
        if not isinstance(match, Match) or request.method in {"OPTIONS", "HEAD"}:
            return
        what = "unsupported" if endpoint is None else endpoint.audited.name_of(request)
        if what == _SIGN_IN and request.method != "POST":
            return
        if answered.status == HTTPStatus.UNAUTHORIZED and not _has_login(request):
            return
        self._notes.note(
            NotedRefusal(
                answered.at,
                what,
                clipped(request.caller),
                _claimed_by(request),
                clipped(match.name or ""),
                clipped(match.argument),
                clipped(request.address),
                answered.status,
                1,
            )
        )


def lost_entries(count: int) -> bytes:
    """The entry that stands for entries which could not be written."""
    return encode_json({"what": "audit.lost", "count": count}) + b"\n"


def _has_login(request: Request) -> bool:
    """Whether a request came with a login, be it right or wrong."""
    return bool(request.claimed) or "authorization" in request.headers


def _entry(audited: Audited, answered: Answered, match: Match[Any]) -> dict[str, object]:
    request = answered.request
    asked = _fields(audited, request)
    entry = {
        "time": rfc3339(answered.at, 3),
        "who": clipped(request.caller),
        "claimed": _claimed_by(request),
        "what": audited.name_of(request),
        "repository": clipped(match.name or ""),
        "reference": clipped(match.argument),
        "digest": answered.digest or asked.pop("digest", ""),
        **asked,
        "method": clipped(request.method) if audited is _UNSUPPORTED else "",
        **{name: clipped(text) for name, text in request.noted.items()},
        "from": request.address,
        "request": request.id,
        "result": _result(answered.status),
        "status": answered.status,
        "agent": clipped(request.headers.get("user-agent", "")),
    }
    return {name: value for name, value in entry.items() if value != ""}


def _fields(audited: Audited, request: Request) -> dict[str, str]:
    """Fields that parameters of a request fill; of several for one field the first one counts."""
    fields: dict[str, str] = {}
    for parameter, name in audited.fields.items():
        fields[name] = fields.get(name) or clipped(request.parameter(parameter) or "")
    return fields


def _claimed_by(request: Request) -> str:
    """The name that a request came with, if it is nobody's; of a token, if that can be believed."""
    if request.caller or request.claimed:
        return "" if request.caller else clipped(request.claimed)
    sent = parse_authorization(request.headers.get("authorization", ""))
    return clipped(said_subject(sent.text)) if isinstance(sent, Token) else ""


def _groups(tags: Sequence[str]) -> Iterator[Sequence[str]]:
    """Tags, as many at once as an entry can hold; then there is another one."""
    group: list[str] = []
    for tag in map(clipped, tags):
        if group and sum(map(len, group)) + len(tag) > _MOST_TAGS:
            yield group
            group = []
        group.append(tag)
    yield group


def _result(status: int) -> str:
    if status in _REFUSALS:
        return "refused"
    return "done" if status < HTTPStatus.BAD_REQUEST else "failed"


def clipped(text: str) -> str:
    """A text of at most 256 characters, of which each takes at most four bytes."""
    clipped = text[:_MOST_CHARACTERS]
    if clipped.isprintable():
        return clipped
    return "".join(char if char.isprintable() else "?" for char in clipped)


def _line(entry: Mapping[str, object]) -> bytes:
    """The line of an entry, short enough to be written at once, whoever else writes there."""
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

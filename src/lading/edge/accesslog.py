"""The access log: a line per request, in Apache's combined format, as CNCF Distribution writes it.

Behind all that others know stand the request's id, how long it took, how many bytes it brought, and
the repository. Or a line is a JSON object, by the names that the audit log has for the same.

Writing a line costs a good part of what a small request costs. So the lines of a moment are written
together.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache

from lading.core.timestamps import rfc3339
from lading.core.typing import override
from lading.edge.endpoints import Match
from lading.edge.observers import Answered, Observer

log = logging.getLogger("lading.access")

# Beside what does not print, what would let a client forge a column of a line.
_UNSAFE = '"\\'
_UNSAFE_NAME = ' "\\[]'

# Seconds that a line waits for others.
MOMENT = 0.01


class AccessLog(Observer):
    """The access log: collects lines, and writes them soon.

    Args:
        line: makes the line of an answer: `text_line`, or `json_line` with its fields.
    """

    def __init__(self, line: Callable[[Answered], str]) -> None:
        self._line = line
        self._lines: list[str] = []

    @override
    def note(self, answered: Answered) -> None:
        if not self._lines:
            asyncio.get_running_loop().call_later(MOMENT, self.flush)
        self._lines.append(self._line(answered))

    def flush(self) -> None:
        """Write the lines that were collected."""
        lines, self._lines = self._lines, []
        if lines:
            log.info("%s", "\n".join(lines))


def text_line(answered: Answered) -> str:
    """The line in Apache's format."""
    request, headers = answered.request, answered.request.headers
    # Most requests have neither: nothing is not looked through.
    caller = printable(request.caller, _UNSAFE_NAME) if request.caller else "-"
    referer = printable(headers["referer"], _UNSAFE) if "referer" in headers else ""
    repository = _repository(answered)
    repository = printable(repository, _UNSAFE_NAME) if repository else "-"
    return (
        f"{request.address} - {caller} [{_apache_time(int(answered.at))}]"
        f' "{printable(_asked(answered), _UNSAFE)} HTTP/{request.scope["http_version"]}"'
        f" {answered.status} {answered.size}"
        f' "{referer}" "{printable(headers.get("user-agent", ""), _UNSAFE)}"'
        f" {request.id} {answered.seconds:.3f} {answered.received} {repository}"
    )


def json_line(fields: Mapping[str, str], answered: Answered) -> str:
    """The line as a JSON object, which carries some names and values, too."""
    request, headers = answered.request, answered.request.headers
    line = {
        **fields,
        "time": rfc3339(answered.at, 3),
        "level": "info",
        "msg": _asked(answered),
        "who": request.caller,
        "repository": _repository(answered),
        "digest": answered.digest,
        "from": request.address,
        "request": request.id,
        "status": answered.status,
        "sent": answered.size,
        "received": answered.received,
        "seconds": round(answered.seconds, 6),
        "agent": headers.get("user-agent", ""),
        "referer": headers.get("referer", ""),
    }
    # In ASCII, so that nothing acts in a terminal.
    return json.dumps({name: value for name, value in line.items() if value != ""})


def _asked(answered: Answered) -> str:
    """The method and the path of a request, as its client wrote it after the host."""
    request = answered.request
    asked = f"{request.method} {request.path}"
    query: bytes = request.scope["query_string"]
    return f"{asked}?{query.decode('latin-1')}" if query else asked


def _repository(answered: Answered) -> str:
    """The name of the repository that was asked for, not yet checked; empty if none was."""
    return (answered.found.name or "") if isinstance(answered.found, Match) else ""


@lru_cache(maxsize=1)
def _apache_time(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%d/%b/%Y:%H:%M:%S %z")


def printable(text: str, also: str = "") -> str:
    """The text, with escapes for all that does not print, such as `\\x0a`, `\\u2028`.

    A line of a log ends where its writer says, and nowhere else: not at a line end in a name, nor
    at one of Unicode's (U+0085, U+2028, U+2029); and what is on it is read in the order in which it
    is there, whatever signs for the other direction of writing it holds.

    Args:
        also: signs to escape as well.
    """
    if text.isprintable():
        for sign in also:  # written out: this is done several times for each request
            if sign in text:
                break
        else:
            return text
    return "".join(
        char if char.isprintable() and char not in also else _escape(ord(char)) for char in text
    )


def _escape(code: int) -> str:
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

"""The access log: a line per request, in Apache's combined format, as CNCF Distribution writes it.

The request's id stands at the end, behind all that others know.

Writing a line costs a good part of what a small request costs. So the lines of a moment are written
together.
"""

import asyncio
import logging
from datetime import UTC, datetime
from functools import lru_cache

from lading.core.typing import override
from lading.edge.observers import Answered, Observer

log = logging.getLogger("lading.access")

# Beside what does not print, what would let a client forge a column of a line.
_UNSAFE = '"\\'
_UNSAFE_NAME = ' "\\[]'

# Seconds that a line waits for others.
MOMENT = 0.01


class AccessLog(Observer):
    """The access log: collects lines, and writes them soon."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    @override
    async def note(self, answered: Answered) -> None:
        if not self._lines:
            asyncio.get_running_loop().call_later(MOMENT, self.flush)
        self._lines.append(_line(answered))

    def flush(self) -> None:
        """Write the lines that were collected."""
        lines, self._lines = self._lines, []
        if lines:
            log.info("%s", "\n".join(lines))


def _line(answered: Answered) -> str:
    request, headers = answered.request, answered.request.headers
    asked = f"{request.method} {request.path}"
    if request.scope["query_string"]:
        asked += f"?{request.scope['query_string'].decode('latin-1')}"
    # Most requests have neither: nothing is not looked through.
    caller = printable(request.caller, _UNSAFE_NAME) if request.caller else "-"
    referer = printable(headers["referer"], _UNSAFE) if "referer" in headers else ""
    return (
        f"{request.address} - {caller} [{_time(int(answered.at))}]"
        f' "{printable(asked, _UNSAFE)} HTTP/{request.scope["http_version"]}"'
        f" {answered.status} {answered.size}"
        f' "{referer}" "{printable(headers.get("user-agent", ""), _UNSAFE)}" {request.id}'
    )


@lru_cache(maxsize=1)
def _time(second: int) -> str:
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

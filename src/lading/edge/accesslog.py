"""The access log: a line per request, in Apache's combined format, as CNCF Distribution writes it.

The request's id stands at the end, behind all that others know.

Writing a line costs a good part of what a small request costs. So the lines of a moment are written
together.
"""

import asyncio
import logging
from datetime import UTC, datetime
from functools import lru_cache

from lading.core.printable import printable
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

"""One line per request, in Apache's combined format, as CNCF Distribution writes it.

Writing a line costs a good part of what a small request costs. So the lines of a moment are written
together.
"""

import asyncio
import logging
from datetime import UTC, datetime
from functools import lru_cache

from lading.core.printable import printable
from lading.edge.request import Request

log = logging.getLogger("lading.access")

# Beside what does not print, what would let a client forge a column of a line.
_UNSAFE = '"\\'
_UNSAFE_NAME = ' "\\[]'

# Seconds that a line waits for others.
MOMENT = 0.01


class AccessLog:
    """Collects lines, and writes them soon."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, request: Request, *, status: int, size: int, now: float) -> None:
        """Log a request that was answered."""
        if not self._lines:
            asyncio.get_running_loop().call_later(MOMENT, self.flush)
        self._lines.append(_line(request, status, size, now))

    def flush(self) -> None:
        """Write what was collected."""
        lines, self._lines = self._lines, []
        if lines:
            log.info("%s", "\n".join(lines))


def _line(request: Request, status: int, size: int, now: float) -> str:
    query = request.scope["query_string"].decode("latin-1")
    target = f"{request.path}?{query}" if query else request.path
    headers = request.headers
    return (
        f"{request.address} - {printable(request.caller, _UNSAFE_NAME) or '-'} [{_time(int(now))}]"
        f' "{printable(request.method, _UNSAFE)} {printable(target, _UNSAFE)}'
        f' HTTP/{request.scope["http_version"]}" {status} {size}'
        f' "{printable(headers.get("referer", ""), _UNSAFE)}"'
        f' "{printable(headers.get("user-agent", ""), _UNSAFE)}"'
    )


@lru_cache(maxsize=1)
def _time(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%d/%b/%Y:%H:%M:%S %z")

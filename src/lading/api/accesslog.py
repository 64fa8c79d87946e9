"""One line per request, in Apache's combined format, as CNCF Distribution writes it.

Writing a line costs a good part of what a small request costs. So the lines of a moment are written
together.
"""

import asyncio
import logging
import re
from datetime import UTC, datetime
from functools import lru_cache

from lading.api.request import Request

log = logging.getLogger("lading.access")

# What would let a client forge a line, or a column of one.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f"\\]')
_UNSAFE_NAME = re.compile(r'[\s\x00-\x1f\x7f-\x9f"\\\[\]]')


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
        f"{request.address} - {_UNSAFE_NAME.sub('?', request.caller) or '-'} [{_time(int(now))}]"
        f' "{_safe(request.method)} {_safe(target)} HTTP/{request.scope["http_version"]}"'
        f" {status} {size}"
        f' "{_safe(headers.get("referer", ""))}" "{_safe(headers.get("user-agent", ""))}"'
    )


@lru_cache(maxsize=1)
def _time(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%d/%b/%Y:%H:%M:%S %z")


def _safe(text: str) -> str:
    return _UNSAFE.sub(lambda match: f"\\x{ord(match.group()):02x}", text)

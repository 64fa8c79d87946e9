"""One line per request, in Apache's combined format, as CNCF Distribution writes it."""

import logging
import re
from datetime import UTC, datetime

from lading.api.request import Request

log = logging.getLogger("lading.access")

# What would let a client forge a line, or a column of one.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f"\\]')
_UNSAFE_NAME = re.compile(r'[\s\x00-\x1f\x7f-\x9f"\\\[\]]')


def write(request: Request, *, status: int, size: int, now: float) -> None:
    """Log a request that was answered."""
    time = datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S %z")
    query = request.scope["query_string"].decode("latin-1")
    target = f"{request.path}?{query}" if query else request.path
    headers = request.headers
    log.info(
        '%s - %s [%s] "%s %s HTTP/%s" %d %d "%s" "%s"',
        request.address,
        _UNSAFE_NAME.sub("?", request.caller) or "-",
        time,
        _safe(request.method),
        _safe(target),
        request.scope["http_version"],
        status,
        size,
        _safe(headers.get("referer", "")),
        _safe(headers.get("user-agent", "")),
    )


def _safe(text: str) -> str:
    return _UNSAFE.sub(lambda match: f"\\x{ord(match.group()):02x}", text)

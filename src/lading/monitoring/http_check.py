"""The check that a server answers by HTTP, in the way of Distribution, whose client is Go's.

It follows redirects, ten at most, with one patience for all of them. What the operator has a server
told in headers may be a key: another host is not told it, nor anybody in the clear after TLS.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from urllib.parse import SplitResult, urljoin, urlsplit

from lading.monitoring.health import Unwell

# "Get follows the redirect, up to a maximum of 10 redirects" (Go, net/http).
MOST_REDIRECTS = 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

Headers = Mapping[str, Sequence[str]]


async def look_at_http(
    uri: str, *, status: int = 200, patience: float = 5.0, headers: Headers | None = None
) -> None:
    """Fail if a server does not answer a HEAD with the status that is expected.

    Args:
        patience: seconds until which the last connection may begin, and for its answer.
    """
    try:
        found = await asyncio.to_thread(_follow, uri, headers or {}, patience)
    except (OSError, ValueError) as error:
        raise Unwell(f"{uri}: error while checking: {error}") from error
    if found != status:
        raise Unwell(f"{uri}: downstream service returned unexpected status: {found}")


def _follow(uri: str, headers: Headers, patience: float) -> int:
    """The status of the first answer that leads nowhere else.

    Raises:
        OSError, ValueError: there is none.
    """
    ends_at = time.monotonic() + patience
    for _ in range(MOST_REDIRECTS + 1):
        left = ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        status, target = _ask(uri, headers, left)
        if status not in _REDIRECTS or not target:
            return status
        target = urljoin(uri, target)
        if not _may_know_headers(urlsplit(uri), urlsplit(target)):
            headers = {}
        uri = target
    raise ValueError(f"stopped after {MOST_REDIRECTS} redirects")


def _may_know_headers(before: SplitResult, after: SplitResult) -> bool:
    """Whether a server may know the headers for the one that has sent this program there."""
    return before.hostname == after.hostname and after.scheme in {"https", before.scheme}


def _ask(uri: str, headers: Headers, patience: float) -> tuple[int, str]:
    """The status of an answer, and where it leads, if it does."""
    from lading.client.kept_connections import asked_once  # noqa: PLC0415 - few are checked

    said = {name: ", ".join(values) for name, values in headers.items()}
    with asked_once("HEAD", uri, said, seconds=patience) as answer:
        return answer.status, answer.headers.get("location")

"""Checks of health: what is looked at every few seconds, and refuses all requests while it fails.

What can be checked, and by which names, is Distribution's: the store of bytes, a file that is not
to be there, and servers that have to answer by TCP or by HTTP.
"""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urljoin, urlsplit

from lading.core.errors import Unavailable

log = logging.getLogger(__name__)

# "Get follows the redirect, up to a maximum of 10 redirects" (Go, net/http).
MOST_REDIRECTS = 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

Headers = Mapping[str, Sequence[str]]
Sleep = Callable[[float], Awaitable[None]]


class Unwell(Exception):
    """A check has failed; the message says why."""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """A check: something to look at again and again.

    Attributes:
        name: by which it is told.
        interval: seconds between two looks.
        threshold: how often in a row it must fail to count.
        look: raises `Unwell` if it fails, or another error.
    """

    name: str
    interval: float
    threshold: int
    look: Callable[[], Awaitable[object]]


class Health:
    """The health of a worker, by its checks.

    Attributes:
        failing: why those that fail do, by their names.
    """

    def __init__(self, checks: Sequence[HealthCheck]) -> None:
        self.checks = checks
        self.failing: dict[str, str] = {}

    def require(self) -> None:
        """Go on only if no check fails.

        Raises:
            Unavailable: one does.
        """
        if self.failing:
            raise Unavailable("a check of the registry's health fails; its log says which")

    async def keep(self, sleep: Sleep = asyncio.sleep) -> None:
        """Look for ever; the first time after an interval, as Distribution does."""
        async with asyncio.TaskGroup() as group:
            for check in self.checks:
                group.create_task(self._keep(check, sleep))

    async def _keep(self, check: HealthCheck, sleep: Sleep) -> None:
        failures = 0
        while True:
            await sleep(check.interval)
            try:
                await check.look()
            except Exception as error:  # noqa: BLE001 - whatever it is, the check has failed
                failures += 1
                if failures >= check.threshold:
                    self._fail(check.name, str(error) or type(error).__name__)
            else:
                failures = 0
                if self.failing.pop(check.name, None) is not None:
                    log.info("check %s is well again", check.name)

    def _fail(self, name: str, why: str) -> None:
        if name not in self.failing:
            log.error("check %s fails: %s; until it is well, requests get 503", name, why)
        self.failing[name] = why


async def look_for_file(path: Path) -> None:
    """Fail if a file is there: so an operator takes a server out of service."""
    if await asyncio.to_thread(os.path.exists, path):
        raise Unwell("file exists")


async def look_at_tcp(address: tuple[str, int], patience: float) -> None:
    """Fail if nobody accepts connections at an address within so many seconds."""
    try:
        await asyncio.to_thread(_connect, address, patience)
    except OSError as error:
        raise Unwell(f"{address[0]}:{address[1]}: connection failed: {error}") from error


def _connect(address: tuple[str, int], patience: float) -> None:
    with closing(socket.create_connection(address, timeout=patience)):
        pass


async def look_at_http(
    uri: str, *, status: int = 200, patience: float = 5.0, headers: Headers | None = None
) -> None:
    """Fail if a server does not answer a HEAD with the status that is expected.

    As Distribution's client does, which is Go's, it follows redirects, with one patience for all of
    them. What the operator has a server told in headers may be a key: another host is not told it,
    nor anybody in the clear after TLS.

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

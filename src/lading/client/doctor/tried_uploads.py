"""Uploads that are tried at a deployment, and given up."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from lading.client.doctor.caller import Body, DeploymentCaller, HeardAnswer
from lading.client.errors import ClientError

MOMENT = 1.0
"""Seconds in which a registry learns of what was cut off, and a proxy answers to a head alone."""

_BUSY = frozenset({409, 416})
# Of a number of bytes; Python refuses to read some thousand.
_DIGITS = 18


@dataclass(slots=True)
class TriedUpload:
    """An upload that is being tried, at the deployment's address; each answer may give another."""

    caller: DeploymentCaller
    scopes: tuple[str, ...]
    url: str

    def send(self, method: str, body: Body = b"") -> HeardAnswer:
        """Send a request, and again while the registry still waits for one that was cut off."""
        headers = {"Content-Type": "application/octet-stream"} if body else {}
        answer = self.caller.ask(method, self.url, self.scopes, headers, body)
        deadline = time.monotonic() + MOMENT
        while answer.status in _BUSY and time.monotonic() < deadline:
            time.sleep(MOMENT / 10)
            answer = self.caller.ask(method, self.url, self.scopes, headers, body)
        self.url = _at_deployment(self.caller, answer.headers.get("location")) or self.url
        return answer

    def offset(self) -> int | None:
        """How many bytes the registry has of it; `None` if it does not say."""
        answer = self.caller.ask("GET", self.url, self.scopes)
        if answer.status != 204:
            return None
        last = answer.headers.get("range").rpartition("-")[2]
        is_number = last.isdecimal() and len(last) <= _DIGITS
        return int(last) + 1 if is_number and last != "0" else 0


@contextmanager
def given_up(
    caller: DeploymentCaller, scopes: tuple[str, ...], begun: HeardAnswer
) -> Iterator[TriedUpload]:
    """The upload that an answer is about; it is cancelled at the end."""
    upload = TriedUpload(caller, scopes, _at_deployment(caller, begun.headers.get("location")))
    try:
        yield upload
    finally:
        # What is wrong was found before.
        with suppress(ClientError, OSError, ValueError):
            upload.send("DELETE")


def _at_deployment(caller: DeploymentCaller, location: str) -> str:
    """The address of an upload where the deployment is asked, whatever host it names; or empty."""
    parts = urlsplit(caller.address.join(location))
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return caller.address.join(path) if location else ""

"""A client that knows when it does not know: an answer that was lost is not a failure."""

import http.client
import itertools
import json
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.torture.model import Broken

# Seconds: longer than any answer may take, kills and restarts apart.
PATIENCE = 60

# Of the specification's table of errors, and what clients know beside it.
CODES = frozenset(
    {
        *("BLOB_UNKNOWN", "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID"),
        *("MANIFEST_BLOB_UNKNOWN", "MANIFEST_INVALID", "MANIFEST_UNKNOWN", "NAME_INVALID"),
        *("NAME_UNKNOWN", "SIZE_INVALID", "UNAUTHORIZED", "DENIED", "UNSUPPORTED"),
        *("TOOMANYREQUESTS", "RANGE_INVALID", "UNAVAILABLE"),
    }
)


class Lost(Exception):
    """The connection broke: the request may have been carried out, or not."""


class Stopped(Exception):
    """The run is over."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def codes(self) -> list[str]:
        """The codes of an error body."""
        return [error["code"] for error in self._errors()]

    @property
    def has_known_codes(self) -> bool:
        """Whether it is an error in the words of the specification."""
        try:
            return bool(self.codes) and CODES.issuperset(self.codes)
        except (ValueError, KeyError):
            return False

    @property
    def missing(self) -> set[str]:
        """The digests that an error names."""
        return {error["detail"]["digest"] for error in self._errors()}

    def _errors(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.body)["errors"]
        return found


class Client:
    """One request at a time to a server, or several in turn, which may be killed at any time.

    Args:
        ports: where they listen. As behind a balancer, one that does not is passed over.
        stop: set when the run is over.
        headers: that every request has.
        doubtful: statuses that leave open whether the request was carried out.
    """

    def __init__(
        self,
        ports: Sequence[int],
        stop: threading.Event,
        headers: Mapping[str, str] | None = None,
        doubtful: Collection[int] = (),
    ) -> None:
        self._ports = itertools.cycle(ports)
        self._stop = stop
        self._headers = headers or {}
        self._doubtful = doubtful
        self._connections: dict[int, http.client.HTTPConnection] = {}

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Ask once.

        Raises:
            Lost: the answer did not come.
            Stopped: the run ended while nothing listened.
        """
        port = self._connect()
        connection = self._connections[port]
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named.update(self._headers)
        try:
            connection.request(method, path, body, named)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        except TimeoutError as error:
            raise Broken(f"{method} {path}: no answer in {PATIENCE} seconds") from error
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise Lost(f"{method} {path}: {error!r}") from error
        if answer.status >= 400 and method != "HEAD" and not answer.has_known_codes:
            raise Broken(f"{method} {path}: {answer.status} {answer.body!r}")
        if answer.status in self._doubtful:
            raise Lost(f"{method} {path}: {answer.status}")
        return answer

    def close(self) -> None:
        """Hang up."""
        for connection in self._connections.values():
            connection.close()

    def _connect(self) -> int:
        """Who is asked next; waits until somebody listens, having asked nothing yet."""
        deadline = time.monotonic() + PATIENCE
        while not self._stop.is_set():
            port = next(self._ports)
            known = self._connections.get(port)
            if known is not None and known.sock is not None:
                return port
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            try:
                connection.connect()
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                self._connections[port] = connection
                return port
        raise Stopped

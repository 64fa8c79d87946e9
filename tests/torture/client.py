"""A client that knows when it does not know: an answer that was lost is not a failure."""

import http.client
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Seconds: longer than any answer may take, kills and restarts apart.
PATIENCE = 60


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
    def missing(self) -> set[str]:
        """The digests that an error names."""
        return {error["detail"]["digest"] for error in self._errors()}

    def _errors(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.body)["errors"]
        return found


class Client:
    """One connection at a time to a server that may be killed at any time.

    Args:
        port: where the server listens.
        stop: set when the run is over.
        headers: that every request has.
    """

    def __init__(
        self, port: int, stop: threading.Event, headers: Mapping[str, str] | None = None
    ) -> None:
        self._port = port
        self._stop = stop
        self._headers = headers or {}
        self._connection: http.client.HTTPConnection | None = None

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Ask once.

        Raises:
            Lost: the answer did not come.
            Stopped: the run ended while nothing listened.
        """
        connection = self._connect()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named.update(self._headers)
        try:
            connection.request(method, path, body, named)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Lost(f"{method} {path}: {error!r}") from error

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> http.client.HTTPConnection:
        """The connection; a new one waits until somebody listens, having asked nothing yet."""
        if self._connection is not None and self._connection.sock is not None:
            return self._connection
        deadline = time.monotonic() + PATIENCE
        while not self._stop.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
            try:
                connection.connect()
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                self._connection = connection
                return connection
        raise Stopped

"""Well-behaved clients: they wait between two requests, and note how long each answer took."""

import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.torture.client import Answer, Client

# Seconds between two requests of a guest, at most; it has time, as a build or a person has.
PAUSE = 0.08


@dataclass(frozen=True)
class Times:
    """How long so many answers took: milliseconds."""

    count: int
    p50: float
    p99: float

    def __str__(self) -> str:
        return f"{self.p99:.1f} ({self.p50:.1f}) of {self.count}"


class Watch:
    """The times of all guests, by what was asked for.

    Attributes:
        refused: how many answers said that the registry was too busy, or the guest not welcome.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds: defaultdict[str, list[float]] = defaultdict(list)
        self.refused = 0

    def note(self, kind: str, seconds: float, status: int) -> None:
        """An answer has come."""
        with self._lock:
            self._seconds[kind].append(seconds)
            self.refused += status in {401, 403, 429, 500, 503}

    def times(self) -> Mapping[str, Times]:
        """What was noted, by kind."""
        with self._lock:
            return {
                kind: Times(len(noted), _quantile(noted, 0.5), _quantile(noted, 0.99))
                for kind, noted in sorted(self._seconds.items())
            }


class Guest(Client):
    """A client that is in no hurry.

    Args:
        watch: who notes its times now; `None` once the siege is over, and nobody has to wait.
    """

    def __init__(
        self,
        ports: Sequence[int],
        stop: threading.Event,
        headers: Mapping[str, str],
        watch: Callable[[], Watch | None],
    ) -> None:
        super().__init__(ports, stop, headers)
        self._watch = watch
        self._pause = random.Random(id(self))

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Ask once, after a while."""
        if self._watch() is not None:
            time.sleep(self._pause.uniform(0, PAUSE))
        began = time.monotonic()
        answer = super().request(method, path, body, **headers)
        if (watch := self._watch()) is not None:
            watch.note(_kind(method, path), time.monotonic() - began, answer.status)
        return answer


def _kind(method: str, path: str) -> str:
    if "/manifests/" in path:
        return {"PUT": "push a manifest", "DELETE": "delete"}.get(method, "pull a manifest")
    if "/uploads/" in path:
        return "push a blob"
    return "pull a blob"


def _quantile(noted: Sequence[float], part: float) -> float:
    return 1000 * sorted(noted)[int(part * (len(noted) - 1))]

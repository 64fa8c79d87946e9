"""What every work has, and how its result is made."""

import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from bench.content import MIB
from bench.running import Running
from bench.wrk import Load

GIB = 1024 * MIB


@dataclass(frozen=True, slots=True)
class Result:
    """What one measurement of a work came to; `None` where the work has no such figure.

    Attributes:
        rate: how much of the work's unit per second; more is better.
        p50_ms: what half of the requests took at most.
        p99_ms: what all but one in a hundred took at most.
        processor: seconds of processor time of the registry, for 1,000 requests or for a GiB.
    """

    rate: float
    processor: float
    p50_ms: float | None = None
    p99_ms: float | None = None


class Work(Protocol):
    """A kind of load.

    Attributes:
        name: for the table.
        unit: of `Result.rate`.
        per: what `Result.processor` is for.
    """

    @property
    def name(self) -> str:
        """See the class."""

    @property
    def unit(self) -> str:
        """See the class."""

    @property
    def per(self) -> str:
        """See the class."""

    def prepare(self, registry: Running) -> None:
        """Push what the work needs; once for each registry."""

    def measure(self, registry: Running, seconds: float) -> Result:
        """Do the work for about that long.

        Raises:
            UnexpectedAnswer: the registry does not do it.
        """


REQUESTS = "1,000 requests"
BYTES = "GiB"


def measure_load(registry: Running, run: Callable[[], Load]) -> Result:
    """The result of a run of wrk."""
    before = registry.processor_seconds()
    load = run()
    used = registry.processor_seconds() - before
    return Result(
        rate=load.requests / load.seconds,
        processor=used / load.requests * 1000,
        p50_ms=load.p50_ms,
        p99_ms=load.p99_ms,
    )


def measure_clients(
    registry: Running, clients: int, client: Callable[[int, "Tally"], None], *, by_bytes: bool
) -> Result:
    """Run clients side by side, each until it returns.

    Args:
        registry: whose processor time counts.
        clients: how many.
        client: what each does, given its number; it notes what it did.
        by_bytes: the rate is in MB (else in things noted), the processor time for a GiB (else for
            1,000 things).
    """
    tally = Tally()
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            client(number, tally)
        except BaseException as error:  # noqa: BLE001 - raised again below, in the main thread
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(clients)]
    before, start = registry.processor_seconds(), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - start
    used = registry.processor_seconds() - before
    if failures:
        raise failures[0]
    return tally.result(seconds, used, by_bytes=by_bytes)


class Tally:
    """What the clients of a work did; they note it from their threads."""

    def __init__(self) -> None:
        self._seconds: list[float] = []
        self._bytes: list[int] = []

    def note(self, seconds: float, size: int = 0) -> None:
        """One more was done."""
        self._seconds.append(seconds)
        self._bytes.append(size)

    def result(self, seconds: float, used: float, *, by_bytes: bool) -> Result:
        """The result, after `seconds` and with `used` processor seconds."""
        count, size = len(self._seconds), sum(self._bytes)
        return Result(
            rate=size / 1e6 / seconds if by_bytes else count / seconds,
            processor=used / size * GIB if by_bytes else used / count * 1000,
            p50_ms=quantile(self._seconds, 0.5) * 1e3,
            p99_ms=quantile(self._seconds, 0.99) * 1e3,
        )


def quantile(values: Sequence[float], share: float) -> float:
    """What that share of the values does not exceed."""
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=1000, method="inclusive")[round(share * 1000) - 1]

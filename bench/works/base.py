"""What every work has, and how its result is made."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import psutil

from bench import generator
from bench.content import MIB
from bench.generator import Client
from bench.running import Running
from bench.tally import Tally, quantile
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
        generator: the same of what makes the load.
    """

    rate: float
    processor: float
    generator: float
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
    before, before_here = registry.processor_seconds(), _processor_seconds()
    load = run()
    used, used_here = registry.processor_seconds() - before, _processor_seconds() - before_here
    return Result(
        rate=load.requests / load.seconds,
        processor=used / load.requests * 1000,
        generator=used_here / load.requests * 1000,
        p50_ms=load.p50_ms,
        p99_ms=load.p99_ms,
    )


def measure_generated(
    registry: Running, clients: int, client: Callable[[int, Tally], Client], *, by_bytes: bool
) -> Result:
    """Run clients of `bench.generator` side by side; see `measure_clients`."""
    before = registry.processor_seconds()
    done = generator.run(registry.port, clients, client)
    used = registry.processor_seconds() - before
    return _result(done.tally, done.ended - done.began, used, done.processor, by_bytes=by_bytes)


def measure_clients(
    registry: Running, clients: int, client: Callable[[int, Tally], None], *, by_bytes: bool
) -> Result:
    """Run clients side by side, each in a thread, until it returns: for few and large requests.

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
    before, before_here = registry.processor_seconds(), time.process_time()
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds, used_here = time.perf_counter() - start, time.process_time() - before_here
    used = registry.processor_seconds() - before
    if failures:
        raise failures[0]
    return _result(tally, seconds, used, used_here, by_bytes=by_bytes)


def _processor_seconds() -> float:
    """What this process and the children it has waited for have used."""
    return float(sum(psutil.Process().cpu_times()[:4]))


def _result(tally: Tally, seconds: float, used: float, here: float, *, by_bytes: bool) -> Result:
    """After `seconds`, with `used` processor seconds of the registry and `here` of the clients."""
    count, size = len(tally.seconds), sum(tally.sizes)
    share = GIB / size if by_bytes else 1000 / count
    return Result(
        rate=size / 1e6 / seconds if by_bytes else count / seconds,
        processor=used * share,
        generator=here * share,
        p50_ms=quantile(tally.seconds, 0.5) * 1e3,
        p99_ms=quantile(tally.seconds, 0.99) * 1e3,
    )

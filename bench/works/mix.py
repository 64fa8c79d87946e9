"""The requests of a real registry, as fast as they are answered, and at a fixed rate."""

import random
import time

from bench.generator import PROCESSES, Client, Pause
from bench.running import Running
from bench.tally import Tally
from bench.works import ibm17
from bench.works.base import REQUESTS, Result, measure_generated
from bench.works.ibm17 import Mixture

# Connections of the open loop: more than requests that are ever under way.
OPEN_CONNECTIONS = 64


class MixClosed:
    """As fast as the registry answers."""

    unit = "requests/s"
    per = REQUESTS

    def __init__(self, connections: int) -> None:
        self.name = f"mix, {connections} connections"
        self._connections = connections

    def prepare(self, registry: Running) -> None:
        """Push the images."""
        ibm17.prepare(registry)

    def measure(self, registry: Running, seconds: float) -> Result:
        """Each connection asks again as soon as it was answered."""
        seed, headers = time.time_ns(), ibm17.headers(registry)

        def client(number: int, tally: Tally) -> Client:
            mixture = Mixture(headers, seed + number, tally)
            end = time.perf_counter() + seconds
            while time.perf_counter() < end:
                yield from mixture.step()

        return measure_generated(registry, self._connections, client, by_bytes=False)


class MixOpen:
    """At a fixed rate, whether the registry keeps up or not: what latency is at that rate."""

    unit = "requests/s"
    per = REQUESTS

    def __init__(self, rate: int) -> None:
        self.name = f"mix, {rate} a second"
        self._rate = rate

    def prepare(self, registry: Running) -> None:
        """Push the images."""
        ibm17.prepare(registry)

    def measure(self, registry: Running, seconds: float) -> Result:
        """Requests are due at random times; a connection that is free takes the next."""
        times = _schedule(self._rate, seconds)
        shares = [iter(times[n::PROCESSES]) for n in range(PROCESSES)]
        seed, headers = time.time_ns(), ibm17.headers(registry)

        def client(number: int, tally: Tally) -> Client:
            mixture = Mixture(headers, seed + number, tally)
            start = time.perf_counter()
            for at in shares[number % PROCESSES]:
                yield Pause(start + at)
                yield from mixture.step(due=start + at)

        return measure_generated(registry, OPEN_CONNECTIONS, client, by_bytes=False)


def _schedule(rate: int, seconds: float) -> list[float]:
    """Times of arrival, in seconds from the start."""
    rng = random.Random(rate)
    times, at = [], 0.0
    while at < seconds:
        times.append(at)
        at += rng.expovariate(rate)
    return times

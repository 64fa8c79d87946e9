"""Probes: who wants to know of each call that may take long, and how long it takes."""

from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from time import perf_counter
from typing import Any, Protocol

from lading.core.errors import StorageFull, Unavailable
from lading.core.typing import P, T, override
from lading.ports.measures import Count, Measures, Timing


class Probe(Protocol):
    """A probe: wants to know of each call that may take long."""

    def watch(
        self, what: Timing, call: Callable[P, Awaitable[T]]
    ) -> Callable[P, Coroutine[Any, Any, T]]:
        """The same call, of which the probe gets to know whenever it is made."""


class Stopwatch(Probe):
    """A probe that measures how long calls take, and counts those that fail.

    Args:
        measures: where the figures go.
        failures: as what failures count.
    """

    def __init__(self, measures: Measures, failures: Count) -> None:
        self._observe = measures.observe
        self._failed = partial(measures.count, failures)

    @override
    def watch(
        self, what: Timing, call: Callable[P, Awaitable[T]]
    ) -> Callable[P, Coroutine[Any, Any, T]]:
        async def watched(*args: P.args, **kwargs: P.kwargs) -> T:
            began = perf_counter()
            try:
                return await call(*args, **kwargs)
            except (Unavailable, StorageFull):
                self._failed()
                raise
            finally:
                self._observe(what, perf_counter() - began)

        return watched

"""Probes: who wants to know of each call that may take long, and how long it takes."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from time import perf_counter
from typing import Protocol

from lading.core.errors import StorageFull, Unavailable
from lading.core.typing import override
from lading.ports.measures import Count, Measures, Timing


class Probe(Protocol):
    """A probe: wants to know of each call that may take long."""

    def __call__(self, what: Timing) -> AbstractContextManager[object]:
        """A block in which something is done."""


class Stopwatch(Probe):
    """A probe that measures how long calls take, and counts those that fail.

    Args:
        measures: where the figures go.
        failures: as what failures count.
    """

    def __init__(self, measures: Measures, failures: Count) -> None:
        self.observe = measures.observe
        self.failed = partial(measures.count, failures)

    @override
    def __call__(self, what: Timing) -> "_Measured":
        return _Measured(self, what)


class _Measured:
    """A call that is measured, from now on."""

    __slots__ = ("_began", "_stopwatch", "_what")

    def __init__(self, stopwatch: Stopwatch, what: Timing) -> None:
        self._stopwatch = stopwatch
        self._what = what
        self._began = perf_counter()

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._stopwatch.observe(self._what, perf_counter() - self._began)
        if isinstance(error, Unavailable | StorageFull):
            self._stopwatch.failed()


class Both(Probe):
    """Two probes, one inside the other."""

    def __init__(self, outer: Probe, inner: Probe) -> None:
        self._outer = outer
        self._inner = inner

    @override
    @contextmanager
    def __call__(self, what: Timing) -> Iterator[None]:
        with self._outer(what), self._inner(what):
            yield

"""The text in which figures are told: Prometheus' format, as prometheus_client writes it.

The one module that loads prometheus_client; it is loaded itself when somebody asks.
"""

import math
import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import TypeVar

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

import lading
from lading.core.typing import override
from lading.monitoring import families, memory
from lading.monitoring.families import Family
from lading.monitoring.memory import HANDLERS, METHODS, STATUSES, Fact, Figures

S = TypeVar("S")
Labels = tuple[str, ...]


def render(figures: Figures, *, driver: str, now: float, accepted: str) -> tuple[str, bytes]:
    """The media type and the text of all figures as they are now; it takes milliseconds.

    Args:
        figures: of all workers.
        driver: where the bytes are, as Distribution calls it.
        accepted: the formats that whoever asks accepts, as the header `Accept` says.
    """
    try:
        encode, content_type = choose_encoder(accepted)
    except (TypeError, ValueError):  # it compares versions, be they numbers or not
        encode, content_type = choose_encoder("")
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Sums(figures, driver, now))
    return content_type, encode(registry)


class _Sums(Collector):
    """The figures of all workers, added up."""

    def __init__(self, figures: Figures, driver: str, now: float) -> None:
        self._figures = figures
        self._driver = driver
        self._now = now

    @override
    def collect(self) -> Iterator[Metric]:
        versions = (lading.__version__, platform.python_version())
        yield _metrics(families.BUILD, [(versions, 1)])
        yield from self._of_requests()
        sums = _histograms_in(self._figures, memory.TIMINGS)
        for timing in families.timings(self._driver):
            found = ((labels, sums[what]) for labels, what in timing.series.items())
            yield _histograms(timing, memory.TIMING_SECONDS, found)
        counts = self._figures.sums(memory.COUNTS)
        for count in families.COUNTS:
            yield _known(count, lambda parts: sum(counts[what] for what in parts))
        levels = self._figures.sums(memory.LEVELS)
        for level in families.LEVELS:
            yield _known(level, levels.__getitem__)
        yield from self._of_registry()

    def _of_requests(self) -> Iterator[Metric]:
        figures = self._figures
        yield _metrics(families.REQUESTS, _requests(figures.sums(memory.REQUESTS)))
        kinds = [(handler, method) for handler in HANDLERS for method in METHODS]
        durations = _histograms_in(figures, memory.DURATIONS)
        yield _histograms(
            families.DURATIONS, memory.REQUEST_SECONDS, zip(kinds, durations, strict=True)
        )
        handlers = [(handler,) for handler in HANDLERS]
        sent = _histograms_in(figures, memory.SENT)
        received = _histograms_in(figures, memory.RECEIVED)
        for had, answered in zip(received, sent, strict=True):  # those without a body are the rest
            had[0] += sum(answered[:-1]) - sum(had[:-1])
        for family, sizes in ((families.RECEIVED, received), (families.SENT, sent)):
            yield _histograms(family, memory.SIZES, zip(handlers, sizes, strict=True))
        in_flight = figures.sums(memory.IN_FLIGHT)
        yield _metrics(families.IN_FLIGHT, zip(handlers, in_flight, strict=True))

    def _of_registry(self) -> Iterator[Metric]:
        """The figures of the registry as a whole, but for those that are too old."""
        facts = self._figures.facts
        for family in families.SURVEYS:
            yield _known(family, facts.__getitem__)
        if facts[Fact.EXPIRE_AT] < self._now:
            return
        for family in families.FACTS:
            yield _known(family, facts.__getitem__)
        for family in families.AGES:
            # What there is none of began in the infinite future; what is unknown stays NaN.
            yield _known(family, lambda what: max(self._now - facts[what], 0.0))


def _requests(sums: Sequence[float]) -> Iterator[tuple[Labels, float]]:
    """The requests that there were, of the kinds that there were any of."""
    for place, number in enumerate(sums):
        if number:
            kind, status = divmod(place, len(STATUSES))
            handler, method = divmod(kind, len(METHODS))
            yield (str(STATUSES[status]), HANDLERS[handler], METHODS[method]), number


def _known(family: Family[S], value_of: Callable[[S], float]) -> Metric:
    """A counter or a gauge, of the figures that its series are made of."""
    return _metrics(family, ((key, value_of(what)) for key, what in family.series.items()))


def _metrics(family: Family[S], series: Iterable[tuple[Labels, float]]) -> Metric:
    """A counter or a gauge; what is not known is left out."""
    kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    made = kind(family.name, family.meaning, labels=family.labels)
    for labels, value in series:
        if not math.isnan(value):
            made.add_metric(labels, value)
    return made


def _histograms_in(figures: Figures, places: range) -> list[list[float]]:
    """The histograms of a kind, those of all workers added up."""
    sums = figures.sums(places)
    return [sums[start : start + places.step] for start in range(0, len(sums), places.step)]


def _histograms(
    family: Family[S],
    bounds: Sequence[float],
    series: Iterable[tuple[Labels, Sequence[float]]],
) -> Metric:
    """Histograms of what there was any of."""
    made = HistogramMetricFamily(family.name, family.meaning, labels=family.labels)
    names = [*(_go(bound) for bound in bounds), "+Inf"]
    for labels, values in series:
        up_to = list(accumulate(values[:-1]))
        if up_to[-1]:
            made.add_metric(labels, list(zip(names, up_to, strict=True)), values[-1])
    return made


def _go(bound: float) -> str:
    """A number as Go writes it: 1, where Python would write 1.0."""
    text: str = floatToGoString(bound)  # type: ignore[no-untyped-call]
    return text.removesuffix(".0")

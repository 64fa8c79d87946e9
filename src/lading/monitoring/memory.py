"""Figures of all workers, in memory that they share.

The parent makes it before it starts workers. Each worker writes to a part of its own, without a
lock, and whoever is asked adds up what all have written; so a worker that dies takes nothing away,
and the one that takes its place goes on where it stopped.

A figure is a float of 64 bits at an even place: nobody sees half of one. Two threads of one process
cannot lose what the other has counted, as CPython goes from one thread to another at calls and at
the ends of loops, and there are none between reading a figure and writing it.
"""

import math
import mmap
from bisect import bisect_left
from collections.abc import Sequence
from http import HTTPStatus
from typing import NamedTuple

from lading.core.typing import override
from lading.monitoring.facts import Fact
from lading.ports.measures import Count, Level, Measures, Timing

_FLOAT = 8

# Seconds up to which there is a bucket each, as Distribution has them (go-metrics), and shorter
# ones, for what a database in the same process does.
REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0)
TIMING_SECONDS = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, *REQUEST_SECONDS)
# Bytes: from 1 KiB to 2 GiB, each twice the one before.
SIZES = tuple(float(1024 << power) for power in range(22))

HANDLERS = (
    "base",
    "blob",
    "blob_upload",
    "blob_upload_chunk",
    "catalog",
    "manifest",
    "tags",
    # Not of Distribution: referrers, tokens, `/`, all pages, and paths that lead nowhere.
    "referrers",
    "token",
    "root",
    "ui",
    "none",
)
METHODS = ("get", "head", "post", "put", "patch", "delete", "options", "unknown")
# 499 is of a client that did not wait; 0 of an answer that another server may have made of ours.
STATUSES = (0, 499, *(status.value for status in HTTPStatus))
_STATUS_PLACES = {status: place for place, status in enumerate(STATUSES)}


class Block(NamedTuple):
    """A block of a worker's part, for figures of one kind: where it begins, and its size."""

    start: int
    size: int

    @property
    def end(self) -> int:
        """The place behind the figures of the block."""
        return self.start + self.size


def _histograms(start: int, number: int, bounds: Sequence[float]) -> Block:
    """So many histograms: each has its buckets, one for all that is more, and the sum."""
    return Block(start, number * (len(bounds) + 2))


COUNTS = Block(0, len(Count))
TIMINGS = _histograms(COUNTS.end, len(Timing), TIMING_SECONDS)
REQUESTS = Block(TIMINGS.end, len(HANDLERS) * len(METHODS) * len(STATUSES))
DURATIONS = _histograms(REQUESTS.end, len(HANDLERS) * len(METHODS), REQUEST_SECONDS)
RECEIVED = _histograms(DURATIONS.end, len(HANDLERS), SIZES)
SENT = _histograms(RECEIVED.end, len(HANDLERS), SIZES)
# From here on: of the process that runs now, which begins with nothing of it.
LEVELS = Block(SENT.end, len(Level))
IN_FLIGHT = Block(LEVELS.end, len(HANDLERS))
_SIZE = IN_FLIGHT.end

# Looked up several times for each request, so written out here.
_FIRST_TIMING = TIMINGS.start
_FIRST_REQUEST = REQUESTS.start
_FIRST_DURATION = DURATIONS.start
_FIRST_RECEIVED = RECEIVED.start
_FIRST_SENT = SENT.start
_FIRST_IN_FLIGHT = IN_FLIGHT.start
_METHODS = len(METHODS)
_STATUSES = len(STATUSES)
_TIMING_SUM = len(TIMING_SECONDS) + 1
_DURATION_SUM = len(REQUEST_SECONDS) + 1
_SIZE_SUM = len(SIZES) + 1
_TIMING_STRIDE = _TIMING_SUM + 1
_DURATION_STRIDE = _DURATION_SUM + 1
_SIZE_STRIDE = _SIZE_SUM + 1


class Figures:
    """The figures of all workers that are started after this was made, and facts of the registry.

    Attributes:
        facts: by `Fact`, what was last found out of the registry as a whole; NaN for nothing yet.
    """

    def __init__(self, workers: int) -> None:
        memory = memoryview(mmap.mmap(-1, _FLOAT * (len(Fact) + workers * _SIZE))).cast("d")
        self.facts = memory[: len(Fact)]
        self._parts = [
            memory[start : start + _SIZE]
            for start in range(len(Fact), len(Fact) + workers * _SIZE, _SIZE)
        ]
        for fact in Fact:
            self.facts[fact] = math.nan

    def of(self, worker: int) -> "WorkerFigures":
        """The figures of a worker that starts."""
        part = self._parts[worker]
        for place in range(LEVELS.start, _SIZE):
            part[place] = 0
        figures = WorkerFigures(self, part)
        figures.count(Count.WORKERS_STARTED)
        figures.change(Level.WORKERS, 1)
        return figures

    def sums(self, table: Block) -> list[float]:
        """The figures of a table, those of all workers added up."""
        parts = [part[table.start : table.end].tolist() for part in self._parts]
        return [sum(values) for values in zip(*parts, strict=True)]


class WorkerFigures(Measures):
    """The figures of one worker, as it writes them.

    Attributes:
        all: those of all workers.
    """

    def __init__(self, all_figures: Figures, values: "memoryview[float]") -> None:
        self.all = all_figures
        self._values = values

    @override
    def count(self, what: Count, by: float = 1) -> None:
        self._values[what] += by

    @override
    def observe(self, what: Timing, seconds: float) -> None:
        start = _FIRST_TIMING + what * _TIMING_STRIDE
        values, place = self._values, start + bisect_left(TIMING_SECONDS, seconds)
        values[place] += 1
        place = start + _TIMING_SUM
        values[place] += seconds

    @override
    def change(self, what: Level, by: float) -> None:
        place = LEVELS.start + what
        self._values[place] += by

    def begin_request(self, handler: int) -> None:
        """Count a request that is answered from now on, by the place of its handler."""
        place = _FIRST_IN_FLIGHT + handler
        self._values[place] += 1

    def end_request(
        self, handler: int, method: int, status: int, seconds: float, received: int, sent: int
    ) -> None:
        """Count a request that was answered.

        Args:
            handler: its place among `HANDLERS`.
            method: its place among `METHODS`.
            received: bytes of the request's body.
            sent: bytes of the answer's body.
        """
        values = self._values
        kind = handler * _METHODS + method
        place = _FIRST_IN_FLIGHT + handler
        values[place] -= 1
        place = _FIRST_REQUEST + kind * _STATUSES + _STATUS_PLACES.get(status, 0)
        values[place] += 1
        start = _FIRST_DURATION + kind * _DURATION_STRIDE
        place = start + bisect_left(REQUEST_SECONDS, seconds)
        values[place] += 1
        place = start + _DURATION_SUM
        values[place] += seconds
        if received:  # of the others nothing is written down: so many are left of all requests
            start = _FIRST_RECEIVED + handler * _SIZE_STRIDE
            place = start + bisect_left(SIZES, received)
            values[place] += 1
            place = start + _SIZE_SUM
            values[place] += received
        start = _FIRST_SENT + handler * _SIZE_STRIDE
        place = start + bisect_left(SIZES, sent)
        values[place] += 1
        place = start + _SIZE_SUM
        values[place] += sent

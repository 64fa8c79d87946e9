"""Figures of all workers, and facts of the registry, in memory that they share.

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
from enum import IntEnum
from http import HTTPStatus

from lading.core.typing import override
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


def _behind(before: range, number: int, size: int = 1) -> range:
    """The places of so many figures, or histograms of such a size, behind those of others."""
    return range(before.stop, before.stop + number * size, size)


def _histograms(before: range, number: int, bounds: Sequence[float]) -> range:
    """The places of histograms: each has its buckets, one for all that is more, and the sum."""
    return _behind(before, number, len(bounds) + 2)


# Where in the part of a worker the figures of each kind begin.
COUNTS = range(len(Count))
TIMINGS = _histograms(COUNTS, len(Timing), TIMING_SECONDS)
REQUESTS = _behind(TIMINGS, len(HANDLERS) * len(METHODS) * len(STATUSES))
DURATIONS = _histograms(REQUESTS, len(HANDLERS) * len(METHODS), REQUEST_SECONDS)
RECEIVED = _histograms(DURATIONS, len(HANDLERS), SIZES)
SENT = _histograms(RECEIVED, len(HANDLERS), SIZES)
# From here on: of the process that runs now, which begins with nothing of it.
LEVELS = _behind(SENT, len(Level))
IN_FLIGHT = _behind(LEVELS, len(HANDLERS))
_SIZE = IN_FLIGHT.stop


class Fact(IntEnum):
    """Facts of the registry as a whole, which one worker looks up now and then for all to tell.

    Times are in seconds since the epoch. Several replicas that share a database tell the same:
    their facts are no summands.
    """

    # When all below were last found out, and until when they may be told.
    FOUND_OUT_AT = 0
    REPOSITORIES = 1
    TAGS = 2
    # Manifests, and the bytes of their documents: with and without something that leads to them,
    # and in the trash.
    MANIFESTS_REFERENCED = 3
    MANIFESTS_UNREFERENCED = 4
    MANIFESTS_DELETED = 5
    MANIFEST_BYTES_REFERENCED = 6
    MANIFEST_BYTES_UNREFERENCED = 7
    MANIFEST_BYTES_DELETED = 8
    # Blobs in a repository, in none, and those of both kinds whose bytes are damaged.
    BLOBS_LINKED = 9
    BLOBS_UNLINKED = 10
    BLOBS_LOST = 11
    BLOB_BYTES_LINKED = 12
    BLOB_BYTES_UNLINKED = 13
    BLOB_BYTES_LOST = 14
    UPLOADS_UNFINISHED = 15
    COLLECTION_FINISHED_AT = 16
    COLLECTION_SECONDS = 17
    EXPIRY_FINISHED_AT = 18
    EXPIRY_SECONDS = 19
    # Of what a collection would remove now: when the first of it was deleted, or lost what led to
    # it, and when it was to go.
    OLDEST_GARBAGE_SINCE = 20
    OLDEST_GARBAGE_DUE_AT = 21
    DISK_FREE_BYTES = 22
    DISK_BYTES = 23
    READ_ONLY = 24
    # What is done beside collecting where bytes are in an object store.
    JOINING_FINISHED_AT = 25
    JOINING_SECONDS = 26
    REMOVAL_FINISHED_AT = 27
    REMOVAL_SECONDS = 28
    # In an object store: what nothing needs, and is deleted when nobody can be reading it any more.
    OBJECTS_UNUSED = 29
    OBJECT_BYTES_UNUSED = 30
    EXPIRE_AT = 31
    # When a worker last began to find them out, be it in vain.
    BEGUN_AT = 32


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

    def sums(self, places: range) -> list[float]:
        """The figures of a kind, those of all workers added up."""
        parts = [part[places.start : places.stop].tolist() for part in self._parts]
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
        _put(self._values, TIMINGS[what], TIMING_SECONDS, seconds)

    @override
    def change(self, what: Level, by: float) -> None:
        self._values[LEVELS[what]] += by

    def begin_request(self, handler: int) -> None:
        """Count a request that is answered from now on, by the place of its handler."""
        self._values[IN_FLIGHT[handler]] += 1

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
        values, kind = self._values, handler * len(METHODS) + method
        values[IN_FLIGHT[handler]] -= 1
        values[REQUESTS[kind * len(STATUSES) + _STATUS_PLACES.get(status, 0)]] += 1
        _put(values, DURATIONS[kind], REQUEST_SECONDS, seconds)
        if received:  # of the others nothing is written down: so many are left of all requests
            _put(values, RECEIVED[handler], SIZES, received)
        _put(values, SENT[handler], SIZES, sent)


def _put(values: "memoryview[float]", start: int, bounds: Sequence[float], value: float) -> None:
    """Put a value into the histogram that begins at a place: into its bucket and into the sum."""
    values[start + bisect_left(bounds, value)] += 1
    values[start + len(bounds) + 1] += value

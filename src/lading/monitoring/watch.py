"""A watch over the database and the stores: how long what they are asked takes, and what fails.

What stands in between is the port itself to whoever has it. Where nobody watches, there is nothing,
and a call costs nothing more.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from time import perf_counter
from typing import Any, Protocol, cast

from lading.core.errors import StorageFull, Unavailable
from lading.core.typing import P, T, override
from lading.ports.blobs import Blobs
from lading.ports.database import Database
from lading.ports.measures import UNMEASURED, Count, Measures, Timing
from lading.ports.uploads import Uploads

OF_DATABASE: Mapping[str, Timing] = {
    "read": Timing.DATABASE_READ,
    "write": Timing.DATABASE_WRITE,
    "write_once": Timing.DATABASE_WRITE,
    "scan": Timing.DATABASE_SCAN,
    "look": Timing.DATABASE_SCAN,
}
"""Calls of a port that are watched, and as what; all others are not."""
_OF_BLOBS: Mapping[str, Timing] = {
    "find": Timing.STORE_STAT,
    "stat": Timing.STORE_STAT,
    "hash": Timing.STORE_READER,
    "delete": Timing.STORE_DELETE,
    "quarantine": Timing.STORE_MOVE,
}
_OF_UPLOADS: Mapping[str, Timing] = {
    "begin": Timing.STORE_PUT_CONTENT,
    "append_small": Timing.STORE_PUT_CONTENT,
    "commit_small": Timing.STORE_PUT_CONTENT,
    "size": Timing.STORE_STAT,
    "discard": Timing.STORE_DELETE,
    "list_all": Timing.STORE_LIST,
}
# Not of a commit by rows: what moves then is rows, in the database.
_OF_STAGED: Mapping[str, Timing] = {
    "touch": Timing.STORE_STAT,
    "write": Timing.STORE_WRITER,
    "finish": Timing.STORE_WRITER,
    "rewind": Timing.STORE_WRITER,
    "verify": Timing.STORE_PUT_CONTENT,
    "commit": Timing.STORE_MOVE,
}


class Probe(Protocol):
    """A probe: wants to know of each call that may take long."""

    def watch(
        self, what: Timing, call: Callable[P, Awaitable[T]]
    ) -> Callable[P, Coroutine[Any, Any, T]]:
        """The same call, of which the probe gets to know whenever it is made."""


class Stopwatch(Probe):
    """A probe that measures how long calls take, and counts those that fail.

    Args:
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


class Watch:
    """A watch over one worker: who wants to know how long what it does takes.

    Args:
        measures: where figures go; `None` if nobody looks at any.
        traces: who wants to know each call; `None` if nobody does.
    """

    def __init__(self, measures: Measures | None = None, traces: Probe | None = None) -> None:
        self.measures = measures or UNMEASURED
        self._is_measured = measures is not None
        self._traces = [] if traces is None else [traces]

    def database(self, database: Database) -> Database:
        """A database, watched if anybody does."""
        probes = self._probes(Count.DATABASE_ERRORS)
        return cast("Database", _Watched(database, OF_DATABASE, probes)) if probes else database

    def blobs(self, blobs: Blobs, *, measured: bool) -> Blobs:
        """Blobs, watched if anybody does; `measured` if their store measures itself."""
        probes = self._probes(Count.STORE_ERRORS, measured=measured)
        return cast("Blobs", _Watched(blobs, _OF_BLOBS, probes)) if probes else blobs

    def uploads(self, uploads: Uploads, *, measured: bool) -> Uploads:
        """Uploads, watched if anybody does; `measured` if their store measures itself."""
        probes = self._probes(Count.STORE_ERRORS, measured=measured)
        return cast("Uploads", _WatchedUploads(uploads, _OF_UPLOADS, probes)) if probes else uploads

    def _probes(self, failures: Count, *, measured: bool = False) -> Sequence[Probe]:
        """Who wants to know, the innermost first."""
        if measured or not self._is_measured:
            return self._traces
        return [Stopwatch(self.measures, failures), *self._traces]


class _Watched:
    """A port of which some calls are watched; all else is as the port has it at the time."""

    def __init__(self, port: Any, calls: Mapping[str, Timing], probes: Sequence[Probe]) -> None:
        self._port = port
        self._probes = probes
        for name, what in calls.items():
            call = getattr(port, name)
            for probe in probes:
                call = probe.watch(what, call)
            setattr(self, name, call)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)


class _WatchedUploads(_Watched):
    """Uploads that are watched, as are those that are opened."""

    @asynccontextmanager
    async def stage(self, *args: Any, **kwargs: Any) -> AsyncIterator[_Watched]:
        async with self._port.stage(*args, **kwargs) as staged:
            yield _Watched(staged, _OF_STAGED, self._probes)

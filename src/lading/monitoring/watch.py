"""A watch over the database and the stores: how long what they are asked takes, and what fails.

Each wrapper is the port itself to whoever has it. Where nobody watches, there is none, and a call
costs nothing more.
"""

from lading.monitoring.probes import Both, Probe, Stopwatch
from lading.monitoring.watched_database import WatchedDatabase
from lading.monitoring.watched_stores import WatchedBlobs, WatchedUploads
from lading.ports.blobs import Blobs
from lading.ports.database import Database
from lading.ports.measures import UNMEASURED, Count, Measures
from lading.ports.uploads import Uploads


class Watch:
    """A watch over one worker: who wants to know how long what it does takes.

    Args:
        measures: where figures go; `None` if nobody looks at any.
        traces: who wants to know each call; `None` if nobody does.
    """

    def __init__(self, measures: Measures | None = None, traces: Probe | None = None) -> None:
        self.measures = measures or UNMEASURED
        self._is_measured = measures is not None
        self._traces = traces

    def database(self, database: Database) -> Database:
        """A database, watched if anybody does."""
        probe = self._probe(Count.DATABASE_ERRORS)
        return database if probe is None else WatchedDatabase(database, probe)

    def blobs(self, blobs: Blobs, *, measured: bool) -> Blobs:
        """Blobs, watched if anybody does; `measured` if their store measures itself."""
        probe = self._traces if measured else self._probe(Count.STORE_ERRORS)
        return blobs if probe is None else WatchedBlobs(blobs, probe)

    def uploads(self, uploads: Uploads, *, measured: bool) -> Uploads:
        """Uploads, watched if anybody does; `measured` if their store measures itself."""
        probe = self._traces if measured else self._probe(Count.STORE_ERRORS)
        return uploads if probe is None else WatchedUploads(uploads, probe)

    def _probe(self, failures: Count) -> Probe | None:
        if not self._is_measured:
            return self._traces
        stopwatch = Stopwatch(self.measures, failures)
        return stopwatch if self._traces is None else Both(self._traces, stopwatch)

"""The port of measures: figures that parts of the registry hand on, for whoever watches it.

What can be measured is listed here, so that nothing that a client chooses becomes a name. What each
is called outside, and what it means, stands in `lading.monitoring`.
"""

from enum import IntEnum, auto
from typing import Protocol


class _Numbered(IntEnum):
    """What is measured, numbered from 0 without a gap, as a place in memory is found by that."""

    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[int]) -> int:  # noqa: ARG004
        return count


class Count(_Numbered):
    """Counts: how often something has happened, or how much of it, since the server's start."""

    # Writes that the database had undone and that were done again, by what was in the way.
    REPEATED_AFTER_SERIALIZATION = auto()
    REPEATED_AFTER_DEADLOCK = auto()
    REPEATED_AFTER_CONFLICT = auto()
    REPEATED_AFTER_LOST_CONNECTION = auto()
    # What ended as `Unavailable` or `StorageFull`.
    DATABASE_ERRORS = auto()
    # Commits of which nobody knows whether they were done.
    COMMITS_UNKNOWN = auto()
    # Requests to the store of bytes that were made again, by why.
    STORE_REPEATED_THROTTLED = auto()
    STORE_REPEATED_TIMEOUT = auto()
    STORE_REPEATED_CONNECTION = auto()
    STORE_REPEATED_SERVER_ERROR = auto()
    STORE_ERRORS = auto()
    # Small blobs that were in memory, or were not.
    CACHE_HITS = auto()
    CACHE_MISSES = auto()
    # Passwords, tokens and certificates that were wrong; and those that were not looked at.
    LOGINS_FAILED = auto()
    LOGINS_REFUSED = auto()
    LOG_LINES_DROPPED = auto()
    # What collections have removed.
    MANIFESTS_COLLECTED = auto()
    BLOBS_COLLECTED = auto()
    UPLOADS_COLLECTED = auto()
    BYTES_COLLECTED = auto()
    # Blobs and manifests whose bytes were found to be lost or wrong.
    DAMAGES_FOUND = auto()
    WORKERS_STARTED = auto()


class Timing(_Numbered):
    """Timings: how long each of many things took."""

    DATABASE_READ = auto()
    DATABASE_WRITE = auto()
    DATABASE_SCAN = auto()
    # For a connection of the pool, and for the lock of a digest.
    CONNECTION_WAIT = auto()
    LOCK_WAIT = auto()
    # Of the store of bytes, by Distribution's names of what its drivers do.
    STORE_GET_CONTENT = auto()
    STORE_PUT_CONTENT = auto()
    STORE_READER = auto()
    STORE_WRITER = auto()
    STORE_STAT = auto()
    STORE_LIST = auto()
    STORE_MOVE = auto()
    STORE_DELETE = auto()
    STORE_REDIRECT_URL = auto()


class Level(_Numbered):
    """Levels: how much of something a process has now; those of all processes are added up."""

    # Connections to the database: of the pool, in use, and how many wait for one.
    CONNECTIONS_OPEN = auto()
    CONNECTIONS_USED = auto()
    CONNECTIONS_AWAITED = auto()
    # Connections that hold the locks of digests.
    LOCK_CONNECTIONS_USED = auto()
    WORKERS = auto()


class Measures(Protocol):
    """Where figures are handed to; each call takes less than a microsecond and cannot fail.

    Where nobody looks at them, nothing is done.
    """

    def count(self, what: Count, by: float = 1) -> None:
        """Count something that has happened; from any thread."""
        return

    def observe(self, what: Timing, seconds: float) -> None:
        """Note how long something took; from any thread."""
        return

    def change(self, what: Level, by: float) -> None:
        """Note that there is more of something, or less; from any thread."""
        return


class Unmeasured(Measures):
    """Measures that nobody looks at."""


UNMEASURED = Unmeasured()

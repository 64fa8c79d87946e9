"""Balance among workers: how many connections each of them has, in memory that they all see."""

import mmap

_SLOT = 8


class Loads:
    """The loads of all workers."""

    def __init__(self, workers: int) -> None:
        self._counts = memoryview(mmap.mmap(-1, _SLOT * workers)).cast("q")

    def of(self, worker: int) -> "Load":
        """The load of a worker that starts, and has no connection."""
        self._counts[worker] = 0
        return Load(self._counts, worker)


class Load:
    """The load of this worker: how many connections it has."""

    def __init__(self, counts: memoryview, worker: int) -> None:
        self._counts = counts
        self._worker = worker

    def add(self, number: int) -> None:
        """Count connections that have begun, or ended if the number is negative."""
        self._counts[self._worker] += number

    @property
    def count(self) -> int:
        """The number of connections that are open."""
        return self._counts[self._worker]

    @property
    def is_more_than_anothers(self) -> bool:
        """Whether some worker has fewer."""
        return self._counts[self._worker] > min(self._counts)

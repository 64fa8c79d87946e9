"""Progress of long work: who is told, step by step, how far an adoption or a migration is."""

from typing import Protocol

from lading.core.typing import override


class StepProgress(Protocol):
    """The progress of some work: who is told how far it is."""

    def wait(self, holder: str, seconds: float) -> None:
        """Another process does the same: its end is waited for, or that of its lease.

        Args:
            seconds: that the lease lasts.
        """

    def begin(self, step: str, length: int) -> None:
        """A step begins, and ends the one before it.

        Args:
            step: in a few words.
            length: how many parts it has: rows, bytes, files; 0 if that is not known.
        """

    def advance(self, count: int, /) -> None:
        """So many parts of the step are done."""


class Unwatched(StepProgress):
    """Progress that nobody is told of."""

    @override
    def wait(self, holder: str, seconds: float) -> None:
        pass

    @override
    def begin(self, step: str, length: int) -> None:
        pass

    @override
    def advance(self, count: int, /) -> None:
        pass

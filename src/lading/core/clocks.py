"""Clocks: how far they are trusted, and one that goes as another does."""

from collections.abc import Callable

# Seconds by which a clock may be off, or be set back, without anything being wrong. A time that is
# further in the future was written while the clock was ahead.
SLACK = 24 * 3600.0


class FollowingClock:
    """A clock that goes as another one does, which is asked now and then.

    In between it goes on by itself. It may go back by as much as asking is inexact.

    Args:
        steady: in seconds; it only goes forward, and is never set.
    """

    def __init__(self, steady: Callable[[], float]) -> None:
        self._steady = steady
        self._ahead = 0.0

    def __call__(self) -> float:
        """The time of the other clock, in seconds since the epoch."""
        return self._steady() + self._ahead

    def follow(self, time: float, *, asked: float, answered: float) -> None:
        """Go as the other clock does, which has told its time.

        Args:
            time: that it told.
            asked: when it was asked, by the steady clock.
            answered: when its answer came; half of what that took is by how much it may be off.
        """
        self._ahead = time - (asked + answered) / 2

"""A clock that goes as another one does."""

from lading.core.clocks import FollowingClock


def test_it_tells_the_other_clocks_time() -> None:
    """From when it is told, and goes on by itself."""
    steady = 50.0
    clock = FollowingClock(lambda: steady)
    clock.follow(1_000_000.0, asked=49.0, answered=51.0)
    assert clock() == 1_000_000.0
    steady += 10
    assert clock() == 1_000_010.0


def test_it_is_set_right_whenever_it_is_told() -> None:
    """The other one may have been set back, or be another machine's now."""
    steady = 0.0
    clock = FollowingClock(lambda: steady)
    clock.follow(1_000_000.0, asked=0.0, answered=0.0)
    steady = 60.0
    clock.follow(1_000_000.0, asked=60.0, answered=60.0)
    assert clock() == 1_000_000.0

"""Leaky buckets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.core.buckets import Buckets


def test_a_burst_fits_and_then_time_decides() -> None:
    """Three at once, then one every two seconds."""
    buckets = Buckets(burst=3, per_second=0.5)
    for _ in range(3):
        assert buckets.wait("a", 100) == 0
        buckets.add("a", 100)
    assert buckets.wait("a", 100) == 2
    assert buckets.wait("a", 101) == 1
    assert buckets.wait("a", 102) == 0
    buckets.add("a", 102)
    assert buckets.wait("a", 102) == 2
    assert buckets.wait("a", 1000) == 0


def test_each_has_its_own() -> None:
    """What one uses is nobody else's loss."""
    buckets = Buckets(burst=1, per_second=1)
    buckets.add("a", 0)
    assert buckets.wait("a", 0) == 1
    assert buckets.wait("b", 0) == 0


def test_the_oldest_is_forgotten_first() -> None:
    """However many come, so many are remembered; whoever goes on is not forgotten."""
    buckets = Buckets(burst=1, per_second=0.001, capacity=10)
    for number in range(1000):
        buckets.add("busy", number)
        buckets.add(f"stranger {number}", number)
    assert buckets.wait("busy", 1000) > 0
    assert buckets.wait("stranger 999", 1000) > 0
    assert buckets.wait("stranger 990", 1000) == 0


@given(st.lists(st.floats(min_value=0, max_value=10), min_size=1, max_size=200))
def test_nobody_gets_more_than_burst_and_rate(pauses: list[float]) -> None:
    """Whoever only takes what fits has never taken more than the burst and what leaked since."""
    buckets = Buckets(burst=5, per_second=2)
    now = taken = 0.0
    for pause in pauses:
        now += pause
        if buckets.wait("a", now) == 0:
            buckets.add("a", now)
            taken += 1
        assert taken <= 5 + 2 * now + 1e-6


def test_waiting_as_told_is_enough() -> None:
    """After the wait it fits."""
    buckets = Buckets(burst=2, per_second=3)
    now = 0.0
    for _ in range(20):
        now += buckets.wait("a", now)
        assert buckets.wait("a", now) == pytest.approx(0, abs=1e-9)
        buckets.add("a", now)

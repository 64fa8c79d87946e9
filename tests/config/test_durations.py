"""Durations mean what they mean to Go."""

import contextlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.config.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("168h", timedelta(hours=168)),
        ("1h30m", timedelta(minutes=90)),
        ("500ms", timedelta(milliseconds=500)),
        ("1.5h", timedelta(minutes=90)),
        (".5s", timedelta(milliseconds=500)),
        ("1.s", timedelta(seconds=1)),
        ("3us", timedelta(microseconds=3)),
        ("3\u00b5s", timedelta(microseconds=3)),
        ("3\u03bcs", timedelta(microseconds=3)),
        ("2000ns", timedelta(microseconds=2)),
        ("1000000000", timedelta(seconds=1)),
        ("0", timedelta(0)),
        ("0s", timedelta(0)),
    ],
)
def test_go_duration(text: str, expected: timedelta) -> None:
    """Each unit, several units, and a bare number of nanoseconds."""
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", " ", "h", "1d", "-1h", "1h ", "1 h", "1h30", "1.2.3s", "\u0663s", "1e3s", "forever"],
)
def test_not_a_duration(text: str) -> None:
    """The message shows how to write one."""
    with pytest.raises(ValueError, match="write a duration such as `168h`"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["9223372036854775808", "3000000h", "9" * 60 + "h", "9" * 5000])
def test_too_long(text: str) -> None:
    """Longer than Go can count is refused, however many digits there are."""
    with pytest.raises(ValueError, match="shorter"):
        parse_duration(text)


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=100_000)))
def test_round_trip(duration: timedelta) -> None:
    """What is written is read as the same duration."""
    assert parse_duration(format_duration(duration)) == duration


@given(st.text(alphabet="0123456789.hmsnu\u00b5 -", max_size=80))
def test_any_text(text: str) -> None:
    """Any text is a duration that is not below zero, or a ValueError."""
    with contextlib.suppress(ValueError):
        assert parse_duration(text) >= timedelta(0)

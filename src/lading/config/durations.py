"""Durations as Go writes them, because that is how every existing `config.yml` has them."""

import re
from datetime import timedelta
from fractions import Fraction

_MICROSECONDS = {
    "ns": Fraction(1, 1000),
    "us": Fraction(1),
    "\u00b5s": Fraction(1),  # the micro sign
    "\u03bcs": Fraction(1),  # the Greek letter that looks like it
    "ms": Fraction(1000),
    "s": Fraction(1_000_000),
    "m": Fraction(60_000_000),
    "h": Fraction(3_600_000_000),
}
_TERM = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)")
_DURATION = re.compile(rf"(?:{_TERM.pattern})+")

# Go counts nanoseconds in 64 bits, so no existing file holds more (about 292 years).
_LONGEST = Fraction(2**63 - 1, 1000)
_MOST_CHARACTERS = 64


def parse_duration(text: str) -> timedelta:
    """Read `168h`, `1h30m` or `500ms`; a bare integer counts nanoseconds, as in Go.

    Raises:
        ValueError: it is not a duration, is below zero, or is longer than Go can count.
    """
    if len(text) > _MOST_CHARACTERS:
        raise ValueError("write a shorter number: this is no duration")
    if text.isascii() and text.isdigit():
        microseconds = int(text) * _MICROSECONDS["ns"]
    elif _DURATION.fullmatch(text):
        microseconds = sum(
            (Fraction(number) * _MICROSECONDS[unit] for number, unit in _TERM.findall(text)),
            Fraction(0),
        )
    else:
        raise ValueError("write a duration such as `168h`, `1h30m`, `500ms` or `0s`")
    if microseconds > _LONGEST:
        raise ValueError("write a shorter duration: the longest is about 292 years")
    return timedelta(microseconds=round(microseconds))


def format_duration(duration: timedelta) -> str:
    """Write a duration the way `parse_duration` reads it, without the parts that are zero."""
    rest = duration // timedelta(microseconds=1)
    parts = []
    for unit in ("h", "m", "s", "ms", "us"):
        count, rest = divmod(rest, int(_MICROSECONDS[unit]))
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"

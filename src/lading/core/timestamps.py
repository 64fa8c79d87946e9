"""Timestamps: times as people read them, and as programs do (RFC 3339)."""

from datetime import UTC, datetime

_FRACTIONS = {6: "microseconds", 3: "milliseconds", 0: "seconds"}


def utc(time: float) -> str:
    """The text of a time, in seconds since the epoch, for people: `2026-01-31 23:59:59Z`."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def rfc3339(time: float, digits: int = 6) -> str:
    """The text of a time for programs: `2026-01-31T23:59:59.123456Z`.

    Args:
        time: in seconds since the epoch.
        digits: of its fraction, which is cut off after them: 6, 3, or 0.
    """
    text = datetime.fromtimestamp(time, UTC).isoformat(timespec=_FRACTIONS[digits])
    return f"{text.removesuffix('+00:00')}Z"

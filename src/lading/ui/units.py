"""Units of what pages show: sizes, counts, times, and the order of versions."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from lading.core.timestamps import rfc3339

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_STEP = 1000
# From here on a number has digits enough without a fraction.
_PLAIN = 99.95
_NUMBER = re.compile(r"(\d+)", re.ASCII)


def size(count: int) -> str:
    """A number of bytes, as `31.4 MB`: in powers of 1000, as other registries and disks count."""
    value, unit = float(count), 0
    while value >= _STEP - 0.5 and unit < len(_UNITS) - 1:
        value, unit = value / _STEP, unit + 1
    digits = 0 if unit == 0 or value >= _PLAIN else 1
    return f"{value:.{digits}f} {_UNITS[unit]}"


def exact(count: int) -> str:
    """A number of bytes with all its digits, as `31,400,123 bytes`."""
    return f"{count:,} bytes" if count != 1 else "1 byte"


def number(count: int) -> str:
    """A count, with its thousands apart."""
    return f"{count:,}"


def plural(count: int, one: str, many: str = "") -> str:
    """A count of things: `1 tag`, `1,200 tags`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def iso(at: float) -> str:
    """A time since the epoch, for machines: `2026-01-31T12:00:00Z`."""
    return rfc3339(at, 0)


def day(at: float) -> str:
    """A time since the epoch, for people who have no script: `31 Jan 2026, 12:00 UTC`."""
    return datetime.fromtimestamp(at, UTC).strftime("%-d %b %Y, %H:%M UTC")


def short(digest: str) -> str:
    """The beginning of a digest, by which people know it: twelve signs, without the algorithm."""
    return digest.partition(":")[2][:12] or digest


def words(of_command: Sequence[str]) -> str:
    """A command as a Dockerfile has it: `["sh", "-c", "true"]`."""
    return json.dumps(list(of_command), ensure_ascii=False)


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A key by which `v1.9` comes before `v1.10`, and `v1.10-rc1` before `v1.10`."""
    parts = _NUMBER.split(text)
    key = [
        (1, int(part), part) if position % 2 else (2, 0, part.lower())
        for position, part in enumerate(parts)
        if part or position == 0
    ]
    # What is before a release (`-rc1`, `-beta`) sorts before its end.
    marked = [(0, 0, part[2]) if _is_before(part[2]) else part for part in key]
    return (*marked, (1, 0, ""))


def _is_before(text: str) -> bool:
    return re.match(r"[-.]?(?:alpha|beta|rc|pre|dev|snapshot)", text) is not None

"""Values as pages show them: sizes, counts and times, and escapes for signs that nobody sees.

Whoever pushes an image writes its labels, its commands and its files. A mark that turns the
direction of writing makes `rm -rf /` read as something else, and a space of no width makes two
names look alike; so these stand as in JSON (`\\u202e`), as names of files do. Marks that scripts
need which are written from the right, and those that join letters, stay as they are.
"""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from lading.core.timestamps import rfc3339

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_STEP = 1000
# From here on a number has digits enough without a fraction.
_PLAIN = 99.95
_SPANS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SIGNS = re.compile(
    "["
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # controls, but for those of lines and columns
    "\xad\u180e\u200b\u2060-\u2064\ufeff"  # of no width
    "\u2028\u2029\u3164\uffa0\ufff9-\ufffb"  # ends of lines, letters that are blank, marks of notes
    "\u202a-\u202e\u2066-\u206f"  # turn what follows, or have its numbers in other shapes
    "\U000e0000-\U000e007f"  # tags
    "]"
)


def size(count: int) -> str:
    """A number of bytes, as `31.4 MB`: in powers of 1000, as other registries and disks count."""
    value, unit = float(count), 0
    while value >= _STEP - 0.5 and unit < len(_UNITS) - 1:
        value, unit = value / _STEP, unit + 1
    digits = 0 if unit == 0 or value >= _PLAIN else 1
    return f"{value:.{digits}f} {_UNITS[unit]}"


def exact(count: int) -> str:
    """A number of bytes with all its digits, as `31,400,123 bytes`."""
    return plural(count, "byte")


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
    then = datetime.fromtimestamp(at, UTC)
    date = f"{then.day} {_MONTHS[then.month - 1]} {then.year}"
    return f"{date}, {then.hour:02}:{then.minute:02} UTC"


def span(seconds: float) -> str:
    """A length of time, in its two largest units: `7 days`, `1 hour and 30 minutes`."""
    rest, parts = round(seconds), []
    for unit, length in _SPANS:
        count, rest = divmod(rest, length)
        if count:
            parts.append(plural(count, unit))
    return " and ".join(parts[:2]) or "less than a second"


def short(digest: str) -> str:
    """The beginning of a digest, by which people know it: twelve signs, without the algorithm."""
    return digest.partition(":")[2][:12] or digest


def words(of_command: Sequence[str]) -> str:
    """A command as a Dockerfile has it: `["sh", "-c", "true"]`."""
    return json.dumps(list(of_command), ensure_ascii=False)


FILTERS = {
    each.__name__: each for each in (size, exact, number, plural, iso, day, span, short, words)
}
"""What templates write values with, by name."""


def visible(value: object) -> object:
    """What a template says, with escapes for such signs; what is HTML already has none."""
    if type(value) is not str or value.isprintable():
        return value
    return _SIGNS.sub(_escape, value)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

"""Lines for people, of which a digest is in one line where a window is too narrow for all."""

import re
import sys
from collections.abc import Sequence
from shutil import get_terminal_size

from lading.cli.output import clean, say

_INDENT = "    "
DIGEST = re.compile(r"(sha(?:256|512):[0-9a-f]{12})[0-9a-f]{52,}")
"""A digest: as many letters of one as Docker shows, and the others."""


def say_parts(*parts: str) -> None:
    """Print parts in one line, or below each other as far as a terminal has no room.

    A part that is longer than a line goes on in the next one, as terminals do it, so that it can be
    copied.
    """
    for line in _lines([clean(part) for part in parts if part], _width()):
        say(line)


def say_fitting(text: str) -> None:
    """Print a line as `fitting` has it."""
    say(fitting(clean(text)))


def fitting(line: str) -> str:
    """A line with its digests cut off if a terminal has no room for all of it.

    Half a digest in each of two lines is read as none, and hides where the next line begins.
    """
    return line if len(line.expandtabs()) <= _width() else DIGEST.sub(r"\1…", line)


def _width() -> int:
    return get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize


def _lines(parts: Sequence[str], width: int) -> Sequence[str]:
    lines = [parts[0]]
    for part in parts[1:]:
        if len(lines[-1]) + 1 + len(part) <= width:
            lines[-1] += f" {part}"
        else:
            lines.append(f"{_INDENT}{part}")
    return lines

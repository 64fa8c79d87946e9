"""Lines for people, of parts that stay whole where a window is too narrow for all of them."""

import sys
from collections.abc import Sequence
from shutil import get_terminal_size

from lading.cli.output import clean, say

_INDENT = "    "


def say_parts(*parts: str) -> None:
    """Print parts in one line, or below each other as far as a terminal has no room.

    A part that is longer than a line goes on in the next one, as terminals do it, so that it can be
    copied.
    """
    width = get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    for line in _lines([clean(part) for part in parts if part], width):
        say(line)


def _lines(parts: Sequence[str], width: int) -> Sequence[str]:
    lines = [parts[0]]
    for part in parts[1:]:
        if len(lines[-1]) + 1 + len(part) <= width:
            lines[-1] += f" {part}"
        else:
            lines.append(f"{_INDENT}{part}")
    return lines

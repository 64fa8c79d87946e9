"""Lines and tables for people, as the window of a terminal has room for them.

A digest is in one line where it is too narrow for all. In a pipe, programs read tables.
"""

import re
import sys
from collections.abc import Sequence
from shutil import get_terminal_size
from typing import Literal, NamedTuple

from lading.cli.late import late
from lading.cli.output import clean, say

with late():
    from rich import console as consoles
    from rich import table as tables
    from rich import text as texts

_INDENT = "    "
# A digest: as many letters of one as Docker shows, and the others.
_DIGEST = re.compile(r"(sha(?:256|512):[0-9a-f]{12})[0-9a-f]{52,}")
# Letters of one that still say something: `sha256:0c1…`.
_LEAST = 11
# Columns between two columns.
_GAP = 2


def say_parts(*parts: str) -> None:
    """Print parts in one line, or below each other as far as a terminal has no room.

    A part that is longer than a line goes on in the next one, as terminals do it, so that it can be
    copied.
    """
    for line in _lines([clean(part) for part in parts if part], _window()):
        say(line)


def say_fitting(text: str) -> None:
    """Print a line as `fitting` has it."""
    say(fitting(clean(text)))


def fitting(line: str) -> str:
    """A line with its digests cut off if a terminal has no room for all of it.

    Half a digest in each of two lines is read as none, and hides where the next line begins.
    """
    return line if len(line.expandtabs()) <= _window() else _DIGEST.sub(r"\1…", line)


def _window() -> int:
    return get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize


def _lines(parts: Sequence[str], width: int) -> Sequence[str]:
    lines = [parts[0]]
    for part in parts[1:]:
        if len(lines[-1]) + 1 + len(part) <= width:
            lines[-1] += f" {part}"
        else:
            lines.append(f"{_INDENT}{part}")
    return lines


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        right: whether it holds numbers, which end at the right.
        style: how it looks on a terminal with colours.
        whole: whether what is in it stays in one line, as a time does.
        spare: whether one can do without it in a window that has no room for all.
    """

    name: str
    right: bool = False
    style: str = ""
    whole: bool = False
    spare: bool = False


def print_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: its columns as wide as the window lets them, with their names above.

    In a window that is too narrow digests are cut off, and spare columns left out, the last ones
    first; columns in which nothing is are left out of any. A single column is as wide as it is: a
    terminal knows that a line goes on, so that it can be copied.

    In a pipe a row is a line, its columns end with tabs, and nothing else is printed.
    """
    cleaned = [[clean(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in cleaned:
            say("\t".join(row))
        return
    console = consoles.Console(highlight=False)
    if len(columns) == 1:
        console.print(columns[0].name, style="bold")
        for (cell,) in cleaned:
            say(cell)
        return
    console.print(_table(columns, cleaned, console.width))


def _table(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> "tables.Table":
    table = tables.Table(box=None, pad_edge=False, header_style="bold")
    used = [at for at in range(len(columns)) if not rows or any(row[at] for row in rows)]
    used = _fitting(columns, rows, used, width)
    for at in used:
        column = columns[at]
        justify: Literal["left", "right"] = "right" if column.right else "left"
        whole = column.right or column.whole
        table.add_column(
            column.name, justify=justify, style=column.style, overflow="fold", no_wrap=whole
        )
    headed = [[column.name for column in columns], *rows]
    is_narrow = _width(headed, used) > width
    for row in rows:
        table.add_row(*(_cell(row[at], is_narrow=is_narrow) for at in used))
    return table


def _fitting(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], used: Sequence[int], width: int
) -> list[int]:
    """The columns for which there is room, once digests are cut off as far as they can be."""
    shortest = ([cell if _cut(cell) == cell else cell[:_LEAST] for cell in row] for row in rows)
    headed = [[column.name for column in columns], *shortest]
    kept = list(used)
    for at in reversed(used):
        if columns[at].spare and _width(headed, kept) > width:
            kept.remove(at)
    return kept


def _width(rows: Sequence[Sequence[str]], used: Sequence[int]) -> int:
    longest = [max(len(row[at]) for row in rows) for at in used]
    return sum(longest) + _GAP * (len(used) - 1)


def _cut(text: str) -> str:
    """A digest as far as people compare one; any other text as it is."""
    digest = _DIGEST.fullmatch(text)
    return f"{digest[1]}…" if digest else text


def _cell(text: str, *, is_narrow: bool) -> "texts.Text":
    if is_narrow and (cut := _cut(text)) != text:
        return texts.Text(cut, no_wrap=True, overflow="ellipsis")
    return texts.Text(text)

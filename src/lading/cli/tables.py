"""Tables: for people on a terminal, for programs in a pipe."""

import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from lading.cli.output import clean, say

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

# As many letters of a digest as Docker shows of one.
_DIGEST = re.compile(r"(sha(?:256|512):[0-9a-f]{12})[0-9a-f]{52,}")
# Columns between two columns.
_GAP = 2


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        right: whether it holds numbers, which end at the right.
        style: how it looks on a terminal with colours.
        whole: whether what is in it stays in one line, as a time does.
    """

    name: str
    right: bool = False
    style: str = ""
    whole: bool = False


def print_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: its columns as wide as the window lets them, with their names above.

    In a window that is too narrow digests are cut off, and columns in which nothing is are left
    out of any. In a pipe a row is a line, its columns end with tabs, and nothing else is printed.
    """
    cleaned = [[clean(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in cleaned:
            say("\t".join(row))
        return
    from rich.console import Console  # noqa: PLC0415 - for terminals only

    console = Console(highlight=False)
    console.print(_table(columns, cleaned, console.width))


def _table(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> "Table":
    from rich.table import Table  # noqa: PLC0415 - for terminals only

    table = Table(box=None, pad_edge=False, header_style="bold")
    used = [at for at in range(len(columns)) if not rows or any(row[at] for row in rows)]
    for at in used:
        column = columns[at]
        justify: Literal["left", "right"] = "right" if column.right else "left"
        whole = column.right or column.whole
        table.add_column(
            column.name, justify=justify, style=column.style, overflow="fold", no_wrap=whole
        )
    longest = [max(len(row[at]) for row in [*rows, [it.name for it in columns]]) for at in used]
    is_narrow = sum(longest) + _GAP * (len(used) - 1) > width
    for row in rows:
        table.add_row(*(_cell(row[at], is_narrow=is_narrow) for at in used))
    return table


def _cell(text: str, *, is_narrow: bool) -> "Text":
    from rich.text import Text  # noqa: PLC0415 - for terminals only

    if is_narrow and (digest := _DIGEST.fullmatch(text)):
        return Text(f"{digest[1]}…", no_wrap=True, overflow="ellipsis")
    return Text(text)

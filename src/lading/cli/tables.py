"""Tables: for people on a terminal, for programs in a pipe."""

import sys
from collections.abc import Sequence
from typing import Literal, NamedTuple

from lading.cli.output import clean, say


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        right: whether it holds numbers, which end at the right.
        style: how it looks on a terminal with colours.
    """

    name: str
    right: bool = False
    style: str = ""


def print_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: its columns as wide as the window lets them, with their names above.

    In a pipe a row is a line, its columns end with tabs, and nothing else is printed.
    """
    if not sys.stdout.isatty():
        for row in rows:
            say("\t".join(clean(cell) for cell in row))
        return
    from rich.console import Console  # noqa: PLC0415 - for terminals only
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        justify: Literal["left", "right"] = "right" if column.right else "left"
        table.add_column(
            column.name, justify=justify, style=column.style, overflow="fold", no_wrap=column.right
        )
    for row in rows:
        table.add_row(*(Text(clean(cell)) for cell in row))
    Console(highlight=False).print(table)

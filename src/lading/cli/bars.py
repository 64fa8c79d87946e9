"""Bars on standard error of a terminal, which are gone when the answer comes."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lading.cli.late import late
from lading.cli.output import clean, clean_lines, say

with late():
    from rich import console, progress, table


def new_bars(*, of_bytes: bool) -> "progress.Progress":
    """Bars below what is printed by `print_above`, to be started and stopped.

    Args:
        of_bytes: whether they tell sizes, and how fast it goes; or how much is done, and how long
            the rest will take.
    """
    numbers: tuple[progress.ProgressColumn, ...]
    if of_bytes:
        numbers = progress.DownloadColumn(binary_units=True), progress.TransferSpeedColumn()
    else:
        numbers = progress.TaskProgressColumn(), progress.TimeRemainingColumn()
    return progress.Progress(
        progress.TextColumn(
            "{task.description}",
            markup=False,
            table_column=table.Column(ratio=3, no_wrap=True, overflow="ellipsis"),
        ),
        progress.BarColumn(bar_width=None, table_column=table.Column(ratio=1, min_width=4)),
        *numbers,
        console=console.Console(stderr=True),
        transient=True,
        expand=True,
        # click writes past what would be in its place.
        redirect_stdout=False,
        redirect_stderr=False,
    )


def print_above(bars: "progress.Progress", text: str, *, err: bool) -> None:
    """Print a line, to standard error or not: above bars, if it goes to their terminal."""
    if err or sys.stdout.isatty():
        bars.console.print(clean_lines(text), markup=False, highlight=False, soft_wrap=True)
    else:
        say(text)


@contextmanager
def byte_progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, of something done to bytes; the block is given what counts them."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    with new_bars(of_bytes=True) as bars:
        task = bars.add_task(clean(what), total=total)
        yield lambda size: bars.advance(task, size)

"""Progress on standard error: bars on a terminal, which are gone when the answer comes.

Elsewhere, as in a log, there is a line for each step that begins.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

from lading.cli.late import late
from lading.cli.output import clean, clean_lines, say
from lading.core.typing import override
from lading.services.progress import StepProgress

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


class StepLines(StepProgress):
    """Lines for logs: one for each step that begins.

    Args:
        doing: what another process may do at the same time, in words: `is exporting`.
    """

    def __init__(self, doing: str) -> None:
        self._doing = doing

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def print(self, text: str, *, err: bool = False) -> None:
        """Print a line beside the progress: of the answer, or of advice."""
        say(text, err=err)

    @override
    def wait(self, holder: str, seconds: float) -> None:
        self.print(
            f"Waiting for {holder}, which {self._doing}"
            f" (if it is dead, this goes on in {seconds:.0f} seconds)",
            err=True,
        )

    @override
    def begin(self, step: str, length: int) -> None:
        self.print(step, err=True)

    @override
    def advance(self, count: int, /) -> None:
        return


class StepBars(StepLines):
    """A bar for a terminal: of the step that is under way."""

    def __init__(self, doing: str) -> None:
        super().__init__(doing)
        self._bars = new_bars(of_bytes=False)
        self._task: progress.TaskID | None = None

    @override
    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    @override
    def print(self, text: str, *, err: bool = False) -> None:
        print_above(self._bars, text, err=err)

    @override
    def begin(self, step: str, length: int) -> None:
        if self._task is not None:
            self._bars.remove_task(self._task)
        self._task = self._bars.add_task(clean(step), total=length or None)
        self._bars.start()

    @override
    def advance(self, count: int, /) -> None:
        if self._task is not None:
            self._bars.advance(self._task, count)


def step_progress(doing: str) -> StepLines:
    """The progress that fits where standard error goes; see `StepLines`."""
    return StepBars(doing) if sys.stderr.isatty() else StepLines(doing)

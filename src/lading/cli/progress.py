"""Progress on standard error: bars on a terminal, which are gone when the answer comes.

Elsewhere, as in a log, there is a line for each step that begins.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

from lading.core.typing import override
from lading.services.progress import Progress

if TYPE_CHECKING:
    from rich import progress as rich_progress


def new_bars(*, of_bytes: bool) -> "rich_progress.Progress":
    """Bars below what is printed, to be started and stopped.

    Args:
        of_bytes: whether they tell sizes, and how fast it goes; or how much is done, and how long
            the rest will take.
    """
    from rich import progress  # noqa: PLC0415 - for terminals only
    from rich.console import Console  # noqa: PLC0415

    numbers: tuple[progress.ProgressColumn, ...]
    if of_bytes:
        numbers = progress.DownloadColumn(binary_units=True), progress.TransferSpeedColumn()
    else:
        numbers = progress.TaskProgressColumn(), progress.TimeRemainingColumn()
    return progress.Progress(
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(bar_width=None),
        *numbers,
        console=Console(stderr=True),
        transient=True,
        expand=True,
        # What is printed goes above the bars if it goes to the terminal, too, and nowhere else.
        redirect_stdout=sys.stdout.isatty(),
    )


@contextmanager
def byte_progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar for the length of a block, on a terminal; the block is given what counts bytes.

    Args:
        what: is done, in a few words.
        total: bytes.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    with new_bars(of_bytes=True) as bars:
        task = bars.add_task(what, total=total)
        yield lambda size: bars.advance(task, size)


class StepLines(Progress):
    """Lines for logs: one for each step that begins.

    Args:
        doing: what another process may do at the same time, in words: `is exporting`.
    """

    def __init__(self, doing: str) -> None:
        self._doing = doing

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return

    @override
    def wait(self, holder: str, seconds: float) -> None:
        click.echo(
            f"Waiting for {holder}, which {self._doing}"
            f" (if it is dead, this goes on in {seconds:.0f} seconds)",
            err=True,
        )

    @override
    def begin(self, step: str, length: int) -> None:
        click.echo(step, err=True)

    @override
    def advance(self, count: int, /) -> None:
        return


class StepBars(StepLines):
    """A bar for a terminal: of the step that is under way."""

    def __init__(self, doing: str) -> None:
        super().__init__(doing)
        self._bars = new_bars(of_bytes=False)
        self._task: rich_progress.TaskID | None = None

    @override
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bars.stop()

    @override
    def begin(self, step: str, length: int) -> None:
        if self._task is not None:
            self._bars.remove_task(self._task)
        self._task = self._bars.add_task(step, total=length)
        self._bars.start()

    @override
    def advance(self, count: int, /) -> None:
        if self._task is not None:
            self._bars.advance(self._task, count)


def step_progress(doing: str) -> StepLines:
    """The progress that fits where standard error goes; see `StepLines`."""
    return StepBars(doing) if sys.stderr.isatty() else StepLines(doing)

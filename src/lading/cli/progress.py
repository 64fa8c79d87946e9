"""Progress on standard error: bars on a terminal, which are gone when the answer comes.

Elsewhere, as in a log, there is a line for each step that begins.
"""

import sys
from typing import Self

from lading.cli.bars import new_bars, print_above
from lading.cli.late import late
from lading.cli.output import clean, say
from lading.core.typing import override
from lading.services.progress import StepProgress

with late():
    from rich import progress as rich_progress


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
        self._task: rich_progress.TaskID | None = None

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

"""Progress of copies on standard error: bars on a terminal, a line every few seconds elsewhere."""

import sys
import threading
import time
from typing import Any, Self

from lading.cli.output import clean, counted, human_size, say
from lading.cli.progress import new_bars, print_above
from lading.client.copy_rules import CopySteps
from lading.core.typing import override

_SECONDS = 5.0
_MOST_BARS = 8
_MIB = 1024 * 1024


class CopyLines(CopySteps):
    """Lines for logs, and the sums of a run: how many `blobs` were sent, and of what `size`."""

    def __init__(self) -> None:
        self.blobs = 0
        self.size = 0
        self._lock = threading.Lock()
        self._left: dict[str, int] = {}
        self._next = time.monotonic() + _SECONDS

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    @override
    def begin(self, digest: str, size: int) -> None:
        with self._lock:
            self._left[digest] = size

    @override
    def advance(self, digest: str, count: int) -> None:
        with self._lock:
            self.size += count
            self._left[digest] = self._left.get(digest, 0) - count
            due = time.monotonic() >= self._next
            if due:
                self._next = time.monotonic() + _SECONDS
        if due:
            self.print(self._line(), err=True)

    @override
    def end(self, digest: str, sent: bool) -> None:
        with self._lock:
            self._left.pop(digest, None)
            self.blobs += sent

    def wait(self, why: str, seconds: float) -> None:
        """Say that something is tried again later."""
        if seconds >= 1:
            self.print(f"waiting {seconds:.0f} s: {why}", err=True)

    def print(self, text: str, *, err: bool = False) -> None:
        """Print a line beside the progress: of the answer, or for a person."""
        say(text, err=err)

    def _line(self) -> str:
        with self._lock:
            left = sum(self._left.values())
            return (
                f"sent {human_size(self.size)} in {counted(self.blobs, 'blob')};"
                f" {len(self._left)} under way, {human_size(left)} of them left"
            )


class CopyBars(CopyLines):
    """Bars for a terminal: one for each blob under way, up to some, and the sum of all.

    Attributes:
        bars: as they are drawn.
    """

    def __init__(self) -> None:
        super().__init__()
        self.bars = new_bars(of_bytes=True)
        self._all = self.bars.add_task("all", total=None)  # until something is to be sent
        self._total = 0
        self._shown: dict[str, Any] = {}
        self._waiting: dict[str, int] = {}

    @override
    def __enter__(self) -> Self:
        self.bars.start()
        return self

    @override
    def __exit__(self, *_: object) -> None:
        self.bars.stop()

    @override
    def begin(self, digest: str, size: int) -> None:
        super().begin(digest, size)
        with self._lock:
            self._total += size
            self.bars.update(self._all, total=self._total)
            if len(self._shown) < _MOST_BARS and size >= _MIB:
                self._shown[digest] = self.bars.add_task(clean(digest[7:19]), total=size)

    @override
    def advance(self, digest: str, count: int) -> None:
        with self._lock:
            self.size += count
            kept = self._waiting.get(digest, 0) + count
            if 0 <= kept < _MIB:
                self._waiting[digest] = kept
                return
            self._waiting[digest] = 0
        self._draw(digest, kept)

    @override
    def end(self, digest: str, sent: bool) -> None:
        with self._lock:
            # What was mounted, or sent by another run, is nothing that is left to send.
            self._total -= self._left.get(digest, 0)
            self.bars.update(self._all, total=self._total or None)
            task = self._shown.pop(digest, None)
        super().end(digest, sent)
        self.bars.advance(self._all, self._waiting.pop(digest, 0))
        if task is not None:
            self.bars.remove_task(task)

    @override
    def print(self, text: str, *, err: bool = False) -> None:
        print_above(self.bars, text, err=err)

    def _draw(self, digest: str, count: int) -> None:
        self.bars.advance(self._all, count)
        if digest in self._shown:
            self.bars.advance(self._shown[digest], count)


def copy_progress() -> CopyLines:
    """The progress that fits where standard error goes."""
    return CopyBars() if sys.stderr.isatty() else CopyLines()

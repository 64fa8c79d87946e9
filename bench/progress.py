"""Tells how far a long run is, on the terminal or in a log."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

# Seconds between lines where lines cannot be written over.
INTERVAL = 15.0


class Progress(Generic[T]):
    """Goes through a sequence, and tells where it is and how long the rest may take."""

    def __init__(
        self, what: str, items: Sequence[T] | Iterable[T], name: Callable[[T], str] = str
    ) -> None:
        self._what = what
        self._items = list(items)
        self._name = name

    def __iter__(self) -> Iterator[T]:
        terminal = sys.stderr.isatty()
        start = told = time.monotonic()
        for done, item in enumerate(self._items):
            now = time.monotonic()
            if terminal or done == 0 or now - told >= INTERVAL:
                told = now
                self._tell(item, done, now - start, "\r\x1b[K" if terminal else "")
            yield item
        if terminal:
            sys.stderr.write("\r\x1b[K")

    def _tell(self, item: T, done: int, seconds: float, back: str) -> None:
        total = len(self._items)
        line = f"{self._what} {done + 1}/{total}  {self._name(item)}"
        if done:
            left = seconds / done * (total - done)
            line += (
                f"  (about {left / 60:.0f} min left)"
                if left >= 90
                else f"  (about {left:.0f} s left)"
            )
        sys.stderr.write(f"{back}{line}" + ("" if back else "\n"))
        sys.stderr.flush()

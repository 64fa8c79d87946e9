"""Repeats in the log: lines of one kind are bounded, as clients decide how often something fails.

While a disk is full, or a database away, each request says so; nobody reads the thousandth line,
and it takes the disk that is left. Lines of one kind are those of one place in the code.
"""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

PERIOD = 60.0
"""Seconds for which lines are counted."""

MOST = 100
"""Lines of a kind within them that are written; of a worker."""

# Kinds that are counted: far more than there are, unless something makes them up.
_MOST_KINDS = 1000


@dataclass(slots=True)
class _Kind:
    """A kind of line: how many there were since the period began, and the last one."""

    count: int
    last: logging.LogRecord


class Repeats:
    """Counts warnings and errors by kind; what is less severe is written for each request anyway.

    Args:
        clock: in seconds; it only goes forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kinds: dict[tuple[str, str], _Kind] = {}
        self._until = clock() + PERIOD

    def takes(self, record: logging.LogRecord) -> bool:
        """Whether a line is to be written."""
        if record.levelno < logging.WARNING:
            return True
        key = (record.name, str(record.msg))
        kind = self._kinds.get(key)
        if kind is None:
            if len(self._kinds) < _MOST_KINDS:
                self._kinds[key] = _Kind(1, record)
            return True
        kind.count, kind.last = kind.count + 1, record
        return kind.count <= MOST

    def left_out(self, *, at_end: bool = False) -> Iterator[logging.LogRecord]:
        """Lines that say how many of each kind were not written, when a period or the log ends."""
        now = self._clock()
        if now < self._until and not at_end:
            return
        kinds, self._kinds, self._until = self._kinds, {}, now + PERIOD
        for kind in kinds.values():
            if kind.count > MOST:
                yield _summary(kind)


def _summary(kind: _Kind) -> logging.LogRecord:
    """The last of the lines, with the number of them."""
    last, left_out = kind.last, kind.count - MOST
    text = f"{last.getMessage()} (the last of {left_out} such lines that are left out)"
    return logging.LogRecord(last.name, last.levelno, last.pathname, last.lineno, text, None, None)

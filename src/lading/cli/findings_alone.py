"""Bytes that cannot be read: named by a command in its answer alone, and in no log beside it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import click

from lading.core.typing import override


@contextmanager
def in_findings_alone() -> Iterator[None]:
    """Have a command name the bytes that cannot be read in its answer alone, not in a log, too.

    If the command itself fails, the last line of the log is shown, which says why.
    """
    log, last = logging.getLogger("lading.blobs"), _LastRecord()
    log.addHandler(last)
    log.propagate = False
    try:
        yield
    except click.ClickException:
        log.propagate = True
        if last.record is not None:
            logging.getLogger().handle(last.record)
        raise
    finally:
        log.propagate = True
        log.removeHandler(last)


class _LastRecord(logging.Handler):
    """A handler that keeps what was logged last as its `record`; `None` if nothing was."""

    def __init__(self) -> None:
        super().__init__()
        self.record: logging.LogRecord | None = None

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.record = record

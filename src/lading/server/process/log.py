"""Logging: this program's messages to standard error, requests to standard output.

Both may be pipes whose reader stands still, or files on a full disk; nothing waits for them.
"""

import json
import logging
import sys
from collections.abc import Mapping
from functools import partial
from typing import TextIO

from lading.config.settings import Settings
from lading.core.timestamps import rfc3339
from lading.edge.accesslog import printable
from lading.ports.measures import UNMEASURED, Count, Measures
from lading.server.process.repeats import Repeats
from lading.system.logfile import STANDARD_ERROR, STANDARD_OUTPUT, LogFile

log = logging.getLogger(__name__)

# Seconds that the end of a process waits for lines to be written.
PARTING = 1.0


def configure_logging(settings: Settings, measures: Measures = UNMEASURED) -> None:
    """Set logging up for this process as the settings say; once in each, for it needs a thread.

    Args:
        measures: count lines that are lost.
    """
    dropped = partial(measures.count, Count.LOG_LINES_DROPPED)
    formatter = (
        _Text(settings.log.fields)
        if settings.log.formatter == "text"
        else _Json(settings.log.fields)
    )
    root = logging.getLogger()
    messages = LogFile(STANDARD_ERROR, partial(_lost_messages, formatter), dropped)
    root.handlers[:] = [_handler(sys.stderr, messages, formatter)]
    root.setLevel(settings.log.level.upper())

    access = logging.getLogger("lading.access")
    requests = LogFile(STANDARD_OUTPUT, _lost_requests, dropped)
    access.handlers[:] = [_handler(sys.stdout, requests, None)]
    access.setLevel(logging.INFO)
    access.propagate = False


def _handler(
    stream: TextIO | None, file: LogFile, formatter: logging.Formatter | None
) -> logging.Handler:
    """A handler for a stream, unless that was closed: its descriptor may be anything's by now."""
    return logging.NullHandler() if stream is None else _ToLogFile(file, formatter)


def _lost_messages(formatter: logging.Formatter, count: int) -> bytes:
    said = "%d lines of this log are lost: standard error did not take them"
    record = log.makeRecord(log.name, logging.WARNING, "", 0, said, (count,), None)
    return formatter.format(record).encode() + b"\n"


def _lost_requests(count: int) -> bytes:
    """Say that requests are lost, where messages go: nothing else is in the access log."""
    log.warning("%d lines of the access log are lost: standard output did not take them", count)
    return b""


class _ToLogFile(logging.Handler):
    """Hands over each record as a line, or as the lines that it holds; not all repeats."""

    def __init__(self, file: LogFile, formatter: logging.Formatter | None) -> None:
        super().__init__()
        self._file = file
        self._repeats = Repeats()
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        """Hand over a record, unless there were many of its kind."""
        for summary in self._repeats.left_out():
            self._offer(summary)
        if self._repeats.takes(record):
            self._offer(record)

    def close(self) -> None:
        """Write what is left, as far as that can be done soon."""
        for summary in self._repeats.left_out(at_end=True):
            self._offer(summary)
        self._file.finish(PARTING)
        super().close()

    def _offer(self, record: logging.LogRecord) -> None:
        self._file.offer(self.format(record).encode(errors="backslashreplace") + b"\n")


class _Text(logging.Formatter):
    """`2026-01-01T00:00:00Z info message key=value`; what else belongs to it is indented."""

    def __init__(self, fields: Mapping[str, object]) -> None:
        super().__init__()
        self._fields = "".join(f" {name}={value}" for name, value in fields.items())

    def format(self, record: logging.LogRecord) -> str:
        first, *others = record.getMessage().split("\n")
        if record.exc_info:
            others += self.formatException(record.exc_info).split("\n")
        line = f"{rfc3339(record.created, 3)} {_level(record)} {printable(first)}{self._fields}"
        return "\n  ".join([line, *map(printable, others)])


class _Json(logging.Formatter):
    """Lines that are JSON objects."""

    def __init__(self, fields: Mapping[str, object]) -> None:
        super().__init__()
        self._fields = fields

    def format(self, record: logging.LogRecord) -> str:
        line = {
            **self._fields,
            "time": rfc3339(record.created, 3),
            "level": _level(record),
            "msg": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def _level(record: logging.LogRecord) -> str:
    return "warn" if record.levelno == logging.WARNING else record.levelname.lower()

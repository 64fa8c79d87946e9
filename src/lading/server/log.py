"""Logging: this program's messages to standard error, requests to standard output."""

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime

from lading.config.settings import Settings

LEVELS = {
    "error": logging.ERROR,
    "warn": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
}


def configure_logging(settings: Settings) -> None:
    """Set logging up for this process as the settings say."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _Text(settings.log.fields)
        if settings.log.formatter == "text"
        else _Json(settings.log.fields)
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(LEVELS[settings.log.level])
    # The server's own account of its processes coming and going.
    logging.getLogger("uvicorn").setLevel(max(root.level, logging.WARNING))

    access = logging.getLogger("lading.access")
    access.handlers[:] = [logging.StreamHandler(sys.stdout)]
    access.setLevel(logging.INFO)
    access.propagate = False


class _Text(logging.Formatter):
    """`2026-01-01T00:00:00Z info message key=value`."""

    def __init__(self, fields: Mapping[str, object]) -> None:
        super().__init__()
        self._fields = "".join(f" {name}={value}" for name, value in fields.items())

    def format(self, record: logging.LogRecord) -> str:
        line = f"{_time(record)} {_level(record)} {record.getMessage()}{self._fields}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


class _Json(logging.Formatter):
    """One JSON object per line."""

    def __init__(self, fields: Mapping[str, object]) -> None:
        super().__init__()
        self._fields = fields

    def format(self, record: logging.LogRecord) -> str:
        line = {
            **self._fields,
            "time": _time(record),
            "level": _level(record),
            "msg": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def _time(record: logging.LogRecord) -> str:
    time = datetime.fromtimestamp(record.created, UTC)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _level(record: logging.LogRecord) -> str:
    return "warn" if record.levelno == logging.WARNING else record.levelname.lower()

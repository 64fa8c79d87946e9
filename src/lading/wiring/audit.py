"""Audit log, from the settings: the server's, and that of a command beside it."""

import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

from lading.config.settings import Settings
from lading.edge.audit import AuditLog, lost_entries
from lading.ports.measures import Count, Measures
from lading.services.registry import Note, forget
from lading.system.logfile import PARTING, STANDARD_OUTPUT, LogFile, open_lines
from lading.wiring.paths import metadata_path


class AuditUnusable(Exception):
    """An audit log that cannot be written; the message says why and what to do."""


@asynccontextmanager
async def open_audit(
    settings: Settings, opened: int | None, measures: Measures
) -> AsyncIterator[AuditLog | None]:
    """The server's audit log, written for the length of a block; `None` if there is to be none.

    Args:
        opened: its file, see `opened_audit`.
    """
    path = settings.audit.file
    if path is None:
        yield None
        return
    dropped = partial(measures.count, Count.LOG_LINES_DROPPED)
    target = STANDARD_OUTPUT if str(path) == "-" else path
    file = LogFile(target, lost_entries, dropped, opened)
    try:
        yield AuditLog(file, reads=settings.audit.reads)
    finally:
        await file.close()


@contextmanager
def opened_audit(settings: Settings) -> Iterator[int | None]:
    """A descriptor of the audit log's file, for a block; `None` if there is no such file.

    Raises:
        AuditUnusable: it cannot be opened.
    """
    path = settings.audit.file
    if path is None or str(path) == "-":
        yield None
        return
    try:
        descriptor = open_lines(path)
    except OSError as error:
        raise AuditUnusable(
            f"audit.file: {path}: {error.strerror};"
            " make its directory, and let this user write there"
        ) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def note_of(audit: AuditLog | None) -> Note:
    """Notes of what the server does by itself."""
    return forget if audit is None else partial(_note, audit, "")


def _note(audit: AuditLog, who: str, what: str, /, **details: str) -> None:
    audit.record(what, details, who=who, at=time.time())


class CommandAudit:
    """Notes of a command, in the server's audit log, which is opened for the first of them.

    With standard output for a log there is no other process's to write to: the command itself says
    there what it did.

    Args:
        warn: is told if the log cannot be written.
    """

    def __init__(self, settings: Settings, who: str, warn: Callable[[str], None]) -> None:
        path = settings.audit.file
        self._path = None if path is None or str(path) == "-" else path
        self._owner = metadata_path(settings.storage.directory)
        self._who = who
        self._warn = warn
        self._file: LogFile | None = None

    def __call__(self, what: str, /, **details: str) -> None:
        """Note what the command has done."""
        if self._file is None and self._path is not None:
            self._file = self._open(self._path)
        if self._file is not None:
            _note(AuditLog(self._file, reads=True), self._who, what, **details)

    def close(self) -> None:
        """Write the notes that are left."""
        if self._file is not None:
            self._file.finish(PARTING)

    def _open(self, path: Path) -> LogFile | None:
        is_new = not path.exists()
        try:
            file = LogFile(path, lost_entries)
            if is_new and os.geteuid() == 0:  # the server must be able to write to it
                owner = self._owner.stat()
                os.chown(path, owner.st_uid, owner.st_gid)
        except OSError as error:
            self._warn(f"not in the audit log: {path}: {error.strerror}")
            self._path = None
            return None
        return file

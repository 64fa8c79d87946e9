"""What a command does to a registry goes into the registry's audit log, with who ran it."""

import os
import time
from pathlib import Path

import click

from lading.config.settings import Settings
from lading.edge.audit import AuditLog, lost_entries
from lading.system.logfile import PARTING, LogFile
from lading.wiring.application import metadata_path


class CommandAudit:
    """See `lading.services.registry.Note`. The file is opened when there is something to say.

    With standard output for a log there is no other process's to write to: the command itself says
    there what it did.
    """

    def __init__(self, settings: Settings, who: str) -> None:
        path = settings.audit.file
        self._path = None if path is None or str(path) == "-" else path
        self._owner = metadata_path(settings.storage.filesystem.rootdirectory)
        self._who = who
        self._file: LogFile | None = None

    def __call__(self, what: str, /, **details: str) -> None:
        """Write down a deed."""
        if self._file is None and self._path is not None:
            self._file = self._open(self._path)
        if self._file is not None:
            AuditLog(self._file, reads=True).record(what, details, who=self._who, at=time.time())

    def close(self) -> None:
        """Write what is left."""
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
            click.echo(f"Warning: not in the audit log: {path}: {error.strerror}", err=True)
            self._path = None
            return None
        return file

"""The files of an open database, which have to stay at their paths.

SQLite goes on with a file that was deleted, or that another one was put in the place of
(sqlite.org/howtocorrupt.html, 4.2), and all that is written there is gone with its last connection.
So it is with its log and the index of that: who opens the database then makes others beside them.
"""

import logging
import os
from pathlib import Path

from lading.ports.database import unusable

log = logging.getLogger(__name__)

# The write-ahead log, and what all processes share of it. They are there as long as a connection is
# open that has read something.
_BESIDE = ("-wal", "-shm")


class KeptFiles:
    """The files of a database that is open; an `OSError` if one of them is not there."""

    def __init__(self, path: Path) -> None:
        # Texts: of path objects, each commit would ask for them. Where the path is that of a link,
        # SQLite has the others beside the file itself.
        real = os.path.realpath(path)
        names = (os.fspath(path), *(f"{real}{ending}" for ending in _BESIDE))
        self._files = [(name, _identity(name)) for name in names]

    def require(self) -> None:
        """Raise `Unavailable` if one of the files is gone, or another one is in its place."""
        for path, file in self._files:
            if not _is_there(path, file):
                log.error(
                    "a file of the database was deleted or replaced while the registry runs, so"
                    " nothing is written: put it back, or start the registry again: %s",
                    path,
                )
                raise unusable()


def _is_there(path: str, file: tuple[int, int]) -> bool:
    try:
        return _identity(path) == file
    except OSError:
        return False


def _identity(path: str) -> tuple[int, int]:
    status = os.stat(path)  # noqa: PTH116 - see above
    return status.st_dev, status.st_ino

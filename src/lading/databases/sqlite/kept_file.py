"""The file of an open database, which has to stay at its path.

SQLite goes on with a file that was deleted, or that another one was put in the place of
(sqlite.org/howtocorrupt.html, 4.2), and all that is written there is gone with its last connection.
"""

import logging
import os
from pathlib import Path

from lading.ports.database import unusable

log = logging.getLogger(__name__)


class KeptFile:
    """The file of a database that is open.

    Raises:
        OSError: no file is there.
    """

    def __init__(self, path: Path) -> None:
        # A text: of a path object, each commit would ask for it.
        self._path = os.fspath(path)
        self._file = _identity(self._path)

    def require(self) -> None:
        """Go on only while the file is there.

        Raises:
            Unavailable: it is gone, or another one is there.
        """
        try:
            is_there = _identity(self._path) == self._file
        except OSError:
            is_there = False
        if not is_there:
            log.error(
                "the database's file was deleted or replaced while the registry runs, so nothing is"
                " written: put it back, or start the registry again: %s",
                self._path,
            )
            raise unusable()


def _identity(path: str) -> tuple[int, int]:
    status = os.stat(path)  # noqa: PTH116 - see above
    return status.st_dev, status.st_ino

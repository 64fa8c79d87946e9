"""Directory of a registry for tests, which is gone with it."""

import os
import shutil
import tempfile
import weakref
from pathlib import Path
from urllib.parse import quote


class OwnDirectory:
    """A directory for files of a registry, made when the first is needed.

    It is removed by the process that made it, at its end at the latest: one that was forked ends
    earlier, and would take the files away from its parent.
    """

    def __init__(self) -> None:
        self._remove: weakref.finalize[[str, int], OwnDirectory] | None = None
        self._path = Path()

    def folder(self, name: str) -> Path:
        """A folder of a name, which may be any."""
        if self._remove is None:
            self._path = Path(tempfile.mkdtemp(prefix="lading-testing-"))
            self._remove = weakref.finalize(self, _remove, str(self._path), os.getpid())
        folder = self._path / quote(name, safe="")
        folder.mkdir(exist_ok=True)
        return folder

    def remove(self) -> None:
        """Remove it with all that is in it, if it was made here."""
        if self._remove is not None:
            self._remove()
            self._remove = None


def _remove(path: str, process: int) -> None:
    if os.getpid() == process:
        shutil.rmtree(path, ignore_errors=True)

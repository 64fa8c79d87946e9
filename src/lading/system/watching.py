"""Files that others change: whether one has changed since it was looked at last."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path


def state_of(file: Path | int) -> object:
    """The state of a file, which changes when it does, by its path or its descriptor; or `None`.

    A file that is open shows that it was removed, renamed or replaced, too: `st_ctime` changes
    with its names.
    """
    try:
        found = os.stat(file)  # noqa: PTH116 - a path and a descriptor alike, and often
    except OSError:  # ESTALE, too: of an open file that was removed on another machine
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_nlink, found.st_ino


class WatchedFiles:
    """Files at paths that others change, be they written anew, or a link that is turned."""

    def __init__(self, *paths: Path) -> None:
        self._paths = paths
        self._seen: Sequence[object] = ()

    def have_changed(self) -> bool:
        """Whether any has since this was last asked; at first, they have."""
        states = [state_of(path) for path in self._paths]
        before, self._seen = self._seen, states
        return states != before

    def pipe(self) -> Path | None:
        """One that is a named pipe now: whoever reads it may wait for ever for who writes to it."""
        return next((path for path in self._paths if _is_pipe(path)), None)


def _is_pipe(path: Path) -> bool:
    try:
        return stat.S_ISFIFO(path.stat().st_mode)
    except OSError:
        return False

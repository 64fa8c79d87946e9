"""A disk: what a power cut would leave of a directory, told from the system calls made in it.

A file's bytes survive if it was synced after the last write; a name survives if its directory was
synced after the name was made. Nothing else does.
"""

import os
from pathlib import Path

import pytest


class Killed(Exception):
    """The end of the process, here; what it did before stays."""


class Disk:
    """A watch over the calls of this process.

    Attributes:
        calls_left: until the process is killed; `None` if it never is.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
        self.calls_left: int | None = None
        self._root = root
        self._names: set[Path] = set()
        self._contents: set[int] = set()
        self._fsync, self._mkdir = os.fsync, os.mkdir
        self._replace, self._pwrite = os.replace, os.pwrite
        monkeypatch.setattr(os, "fsync", self._watch_fsync)
        monkeypatch.setattr(os, "mkdir", self._watch_mkdir)
        monkeypatch.setattr(os, "replace", self._watch_replace)
        monkeypatch.setattr(os, "pwrite", self._watch_pwrite)

    def keeps(self, path: Path) -> bool:
        """Whether a file would be there after a power cut, under this name and whole."""
        below = path.relative_to(self._root)
        names = [path, *(self._root / above for above in below.parents[:-1])]
        return path.stat().st_ino in self._contents and self._names.issuperset(names)

    def _count(self) -> None:
        if self.calls_left is not None:
            self.calls_left -= 1
            if self.calls_left < 0:
                raise Killed

    def _watch_fsync(self, descriptor: int) -> None:
        self._count()
        self._fsync(descriptor)
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if path.is_dir():
            self._names.update(path.iterdir())
        else:
            self._contents.add(path.stat().st_ino)

    def _watch_mkdir(self, path: Path | str, mode: int = 0o777) -> None:
        self._count()
        self._mkdir(path, mode)
        self._names.discard(Path(path))

    def _watch_replace(self, source: Path | str, target: Path | str) -> None:
        self._count()
        self._replace(source, target)
        self._names.discard(Path(target))

    def _watch_pwrite(self, descriptor: int, data: bytes, offset: int) -> int:
        self._contents.discard(os.fstat(descriptor).st_ino)
        return self._pwrite(descriptor, data, offset)

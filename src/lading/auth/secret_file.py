"""Secrets of one machine: in a file that only the registry's user can read, or in memory."""

import asyncio
from pathlib import Path

from lading.core.typing import override
from lading.ports.logins import AuthUnusable
from lading.ports.secret import Secret
from lading.system import small_files
from lading.system.durable import make_directories
from lading.system.watching import WatchedFiles


class SecretFile(Secret):
    """A secret as a file, which all workers share."""

    staleness = 0.0

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = WatchedFiles(path)
        self.place = str(path)

    @override
    def may_have_changed(self) -> bool:
        return self._file.have_changed()

    @override
    async def read(self) -> bytes | None:
        try:
            return self._read()
        except OSError as error:
            raise AuthUnusable(f"{self._path}: cannot be read: {error.strerror}") from error

    @override
    async def replace(self, before: bytes | None, after: bytes) -> bool:
        try:
            return await asyncio.to_thread(self._replace, before, after)
        except OSError as error:
            raise AuthUnusable(f"{self._path}: cannot be kept: {error.strerror}") from error

    def _read(self) -> bytes | None:
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None

    def _replace(self, before: bytes | None, after: bytes) -> bool:
        make_directories(self._path.parent)
        with small_files.locked(self._path):
            if self._read() != before:
                return False
            small_files.replace(self._path, after)
            return True


class SecretInMemory(Secret):
    """A secret of one process."""

    place = "memory"
    staleness = 0.0

    def __init__(self) -> None:
        self._value: bytes | None = None

    @override
    def may_have_changed(self) -> bool:
        return False

    @override
    async def read(self) -> bytes | None:
        return self._value

    @override
    async def replace(self, before: bytes | None, after: bytes) -> bool:
        if self._value != before:
            return False
        self._value = after
        return True

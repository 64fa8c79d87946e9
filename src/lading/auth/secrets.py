"""Secrets, where they are kept: a file that only the registry's user can read, memory, or a seal.

What is under seal is encrypted, so that who reads the place where it is learns nothing: by Fernet
(AES-128-CBC and HMAC-SHA256) under a key made by scrypt of words that all replicas are told.
"""

import asyncio
import base64
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from lading.core.typing import override
from lading.ports.logins import AuthUnusable, Secret
from lading.system import durable, lock_files
from lading.system.durable import make_directories
from lading.system.watching import WatchedFiles

# Of scrypt: 16 MiB and some 40 ms for each guess at the words; RFC 7914, section 2.
_COST, _BLOCK, _PARALLEL = 2**14, 8, 1
# The same words are to make the same key in every process, and are for this alone.
_SALT = b"lading: secrets under seal"


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
        with lock_files.locked(self._path):
            if self._read() != before:
                return False
            durable.replace(self._path, after)
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


class SealedSecret(Secret):
    """A secret around a secret: what this one says is kept under a seal that is made of words."""

    def __init__(self, inner: Secret, words: str) -> None:
        self._inner = inner
        key = Scrypt(_SALT, 32, _COST, _BLOCK, _PARALLEL).derive(words.encode())
        self._fernet = Fernet(base64.urlsafe_b64encode(key))
        self.place = inner.place
        self.staleness = inner.staleness

    @override
    def may_have_changed(self) -> bool:
        return self._inner.may_have_changed()

    @override
    async def read(self) -> bytes | None:
        sealed = await self._inner.read()
        return None if sealed is None else self._unseal(sealed)

    @override
    async def replace(self, before: bytes | None, after: bytes) -> bool:
        # The same is sealed in another way each time, so what is to be replaced is looked up.
        sealed = await self._inner.read()
        if (None if sealed is None else self._unseal(sealed)) != before:
            return False
        return await self._inner.replace(sealed, self._fernet.encrypt(after))

    def _unseal(self, sealed: bytes) -> bytes:
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken as error:
            raise AuthUnusable(
                f"{self.place}: was not sealed with this `http.secret`: give all replicas the same"
                " one; if the one of before is lost, delete the rows of `secrets`, and everybody"
                " logs in once more"
            ) from error

"""Keys that the registry signs its tokens with (ECDSA on P-256, for ES256).

They are made when they are first needed, kept in a file that only the registry's user can read, and
shared by all workers. After some time a new one takes over; an old one still verifies until every
token signed with it has ended.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from lading.auth import files
from lading.auth.thumbprints import thumbprint
from lading.core.clocks import SLACK
from lading.ports.logins import AuthUnusable
from lading.system.durable import make_directories
from lading.system.watching import WatchedFiles

# No token lives longer (seconds), so a key that was replaced this long ago verifies nothing.
LONGEST_TOKEN = 24 * 3600.0

log = logging.getLogger(__name__)


class KeysInvalid(AuthUnusable):
    """A file of keys that cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key to sign tokens with.

    Attributes:
        id: its thumbprint (RFC 7638).
        made_at: seconds since the epoch.
    """

    id: str
    private: ec.EllipticCurvePrivateKey
    made_at: float


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    """A key in the file: PEM (PKCS #8), and when it was made."""

    pem: str
    made_at: float


class KeyRing:
    """All keys to sign and verify with: those of a file, or of this process alone."""

    def __init__(self, path: Path | None, lifetime: float, clock: Callable[[], float]) -> None:
        """Read the keys, or make the first.

        Args:
            path: of the file; `None` to keep keys in memory.
            lifetime: seconds for which a key signs.
            clock: seconds since the epoch.

        Raises:
            KeysInvalid: the file cannot be read or written.
        """
        self._path = path
        self._lifetime = lifetime
        self._clock = clock
        self._keys: Sequence[SigningKey] = []
        self._by_id: Mapping[str, SigningKey] = {}
        self._file = WatchedFiles() if path is None else WatchedFiles(path)
        self._try_to_renew()

    async def current(self) -> SigningKey:
        """The key to sign with now; the one of before if a new one cannot be kept."""
        if self._is_due():
            await asyncio.to_thread(self._try_to_renew)
        return self._keys[-1]

    def find(self, key_id: str) -> SigningKey | None:
        """A key that tokens may be signed with; another worker may have made it just now.

        If the file cannot be read any more, the keys of before stay.
        """
        if key_id not in self._by_id and self._path is not None and self._file.have_changed():
            try:
                self._read(self._path)
            except KeysInvalid as error:
                log.error("%s; the keys of before stay", error)  # noqa: TRY400 - in words
        return self._by_id.get(key_id)

    def _is_due(self) -> bool:
        """Whether a new key is due.

        A key of the future is from a clock that was ahead: nobody knows how old it is.
        """
        now = self._clock()
        return not self._keys or not now - self._lifetime < self._keys[-1].made_at <= now + SLACK

    def _try_to_renew(self) -> None:
        try:
            self._renew()
        except KeysInvalid as error:
            if not self._keys:
                raise
            log.error("%s; the key of before signs on", error)  # noqa: TRY400 - said in words

    def _renew(self) -> None:
        """Make a key if one is due. Of several workers, one does; the others find it.

        A key signs only when it is on disk: others could not verify what it signed before.
        """
        if self._path is None:
            self._take(self._with_new())
            return
        try:
            if self._path.exists():
                self._read(self._path)
            if not self._is_due():  # what need not be written may be where nothing can be
                return
            make_directories(self._path.parent)
            with files.locked(self._path):
                if self._path.exists():
                    self._read(self._path)
                if self._is_due():
                    keys = self._with_new()
                    files.replace(self._path, _encode(keys))
                    self._take(keys)
        except OSError as error:
            raise KeysInvalid(f"{self._path}: the keys cannot be kept: {error.strerror}") from error

    def _with_new(self) -> Sequence[SigningKey]:
        """A new key, after the one that it replaces and those that were replaced not long ago."""
        now = self._clock()
        keys = [replace(key, made_at=min(key.made_at, now)) for key in self._keys]
        if keys != self._keys:
            log.warning("%s: a key was made in the future; another takes over", self._path)
        needed = [older for older, newer in pairwise(keys) if newer.made_at > now - LONGEST_TOKEN]
        new = _signing_key(ec.generate_private_key(ec.SECP256R1()), now)
        return [*needed, *keys[-1:], new]

    def _read(self, path: Path) -> None:
        try:
            entries = msgspec.json.decode(path.read_bytes(), type=list[_Entry])
            self._take([_decode(entry) for entry in entries])
        except OSError as error:
            raise KeysInvalid(f"{path}: cannot be read: {error.strerror}") from error
        except (ValueError, TypeError) as error:
            raise KeysInvalid(
                f"{path}: does not hold keys; remove it, and everybody logs in once more"
            ) from error

    def _take(self, keys: Sequence[SigningKey]) -> None:
        # Of two with the same time, the later one in the file is the newer.
        self._keys = sorted(keys, key=lambda key: key.made_at)
        self._by_id = {key.id: key for key in keys}


def _encode(keys: Sequence[SigningKey]) -> bytes:
    return msgspec.json.encode(
        [
            _Entry(
                pem=key.private.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                ).decode(),
                made_at=key.made_at,
            )
            for key in keys
        ]
    )


def _decode(entry: _Entry) -> SigningKey:
    key = serialization.load_pem_private_key(entry.pem.encode(), password=None)
    if not (isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)):
        raise TypeError("not a key on P-256")
    return _signing_key(key, entry.made_at)


def _signing_key(key: ec.EllipticCurvePrivateKey, made_at: float) -> SigningKey:
    return SigningKey(thumbprint(key.public_key()), key, made_at)

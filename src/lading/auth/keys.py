"""Keys that the registry signs its tokens with (ECDSA on P-256, for ES256).

They are made when they are first needed, and shared by all workers, of all replicas if there are
several. After some time a new one takes over; an old one still verifies until every token signed
with it has ended.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Self

import cryptography.hazmat.backends.openssl  # noqa: F401 - else the first signature loads it
import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from lading.auth.public_keys import thumbprint
from lading.core.clocks import SLACK
from lading.core.errors import RegistryError
from lading.ports.logins import AuthUnusable, Secret

# No token lives longer (seconds), so a key that was replaced this long ago verifies nothing.
LONGEST_TOKEN = 24 * 3600.0

log = logging.getLogger(__name__)


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
    """A key as it is kept: PEM (PKCS #8), and when it was made."""

    pem: str
    made_at: float


class KeyRing:
    """All keys to sign and verify with, as a secret says that every worker reads.

    Args:
        lifetime: seconds for which a key signs.
        clock: seconds since the epoch.
    """

    def __init__(self, secret: Secret, lifetime: float, clock: Callable[[], float]) -> None:
        self._secret = secret
        self._lifetime = lifetime
        self._clock = clock
        self._keys: Sequence[SigningKey] = []
        self._by_id: Mapping[str, SigningKey] = {}
        self._changing = asyncio.Lock()

    @classmethod
    async def open(cls, secret: Secret, lifetime: float, clock: Callable[[], float]) -> Self:
        """The keys that there are, or the first.

        Raises:
            AuthUnusable, Unavailable, StorageFull: they cannot be read or written.
        """
        ring = cls(secret, lifetime, clock)
        await ring._try_to_renew()
        return ring

    async def current(self) -> SigningKey:
        """The key to sign with now; the one of before if a new one cannot be kept.

        A new one signs when every worker would notice that it is there.
        """
        if self._is_due():
            async with self._changing:
                await self._try_to_renew()
        latest = self._clock() - 2 * self._secret.staleness
        return [*self._keys[:1], *(key for key in self._keys[1:] if key.made_at <= latest)][-1]

    async def find(self, key_id: str) -> SigningKey | None:
        """A key that tokens may be signed with; another worker may have made it just now.

        If the secret cannot be read any more, the keys of before stay.
        """
        if key_id not in self._by_id:
            async with self._changing:  # else one of two who ask at once would be told too early
                if key_id not in self._by_id and self._secret.may_have_changed():
                    await self._try_to_read()
        return self._by_id.get(key_id)

    def _is_due(self) -> bool:
        """Whether a new key is due.

        A key of the future is from a clock that was ahead: nobody knows how old it is.
        """
        now = self._clock()
        return not self._keys or not now - self._lifetime < self._keys[-1].made_at <= now + SLACK

    async def _try_to_read(self) -> None:
        try:
            if await self._read() is None:
                log.error("%s: is gone; the keys of before stay", self._secret.place)
        except (AuthUnusable, RegistryError) as error:
            log.error("%s; the keys of before stay", error)  # noqa: TRY400 - in words

    async def _try_to_renew(self) -> None:
        try:
            await self._renew()
        except (AuthUnusable, RegistryError) as error:
            if not self._keys:
                raise
            log.error("%s; the key of before signs on", error)  # noqa: TRY400 - said in words

    async def _renew(self) -> None:
        """Make a key if one is due. Of several workers, one does; the others find it.

        A key signs only when it is kept: others could not verify what it signed before.
        """
        before = await self._read()
        while self._is_due():
            keys = self._with_new()
            if await self._secret.replace(before, _encode(keys)):
                self._take(keys)
                return
            before = await self._read()

    def _with_new(self) -> Sequence[SigningKey]:
        """A new key, after the one that it replaces and those that were replaced not long ago."""
        now = self._clock()
        keys = [replace(key, made_at=min(key.made_at, now)) for key in self._keys]
        if keys != self._keys:
            log.warning("%s: a key was made in the future; another takes over", self._secret.place)
        needed = [older for older, newer in pairwise(keys) if newer.made_at > now - LONGEST_TOKEN]
        new = _signing_key(ec.generate_private_key(ec.SECP256R1()), now)
        return [*needed, *keys[-1:], new]

    async def _read(self) -> bytes | None:
        """Take in the keys that are kept; they stay as they are if there are none."""
        document = await self._secret.read()
        if document is None:
            return None
        try:
            entries = msgspec.json.decode(document, type=list[_Entry])
            self._take([_decode(entry) for entry in entries])
        except (ValueError, TypeError) as error:
            raise AuthUnusable(
                f"{self._secret.place}: does not hold keys; remove it, and everybody logs in once"
                " more"
            ) from error
        return document

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

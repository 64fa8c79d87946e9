"""Digests: the names of bytes.

"digest ::= algorithm ":" encoded" (OCI image-spec, descriptor.md, Digests). The two registered
algorithms are supported throughout: sha256 and sha512.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Protocol, Self

from lading.core.errors import DigestInvalid

SHA256 = "sha256"
SHA512 = "sha512"
HEX_LENGTH = {SHA256: 64, SHA512: 128}

_DIGEST = re.compile(r"(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})", re.ASCII)


Bytes = bytes | bytearray | memoryview
"""What is hashed and written without being copied."""


class Hasher(Protocol):
    """A running hash: the part of a `hashlib` object that is used here."""

    def update(self, data: Bytes, /) -> None:
        """Take more bytes."""

    def hexdigest(self) -> str:
        """The hash of all bytes so far, in lower-case hexadecimal."""


@cache
def _hash_of(algorithm: str) -> Callable[..., Hasher]:
    import hashlib  # noqa: PLC0415 - it takes long to load, and who only compares digests has no need

    return {SHA256: hashlib.sha256, SHA512: hashlib.sha512}[algorithm]


class Digest(str):
    """A validated `algorithm:hex`; a `str`, so it goes into headers and rows as it is.

    Raises:
        DigestInvalid: the text is not a digest of a supported algorithm.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Check the text."""
        if _DIGEST.fullmatch(text) is None:
            raise DigestInvalid(
                f"not a digest of a supported algorithm ({', '.join(HEX_LENGTH)})",
                {"digest": text[:256]},
            )
        return str.__new__(cls, text)

    @classmethod
    def of(cls, data: bytes, algorithm: str = SHA256) -> Self:
        """The digest of `data`."""
        return cls(f"{algorithm}:{_hash_of(algorithm)(data).hexdigest()}")

    def names(self, data: bytes) -> bool:
        """Whether this is the digest of `data`."""
        return _hash_of(self.algorithm)(data).hexdigest() == self.hex

    @property
    def algorithm(self) -> str:
        """The algorithm, before the colon: `sha256` or `sha512`."""
        return self[:6]

    @property
    def hex(self) -> str:
        """The hash, after the colon, in lower-case hexadecimal."""
        return self[7:]


def digest_in(text: str) -> Digest | None:
    """The digest that a text is; `None` if it is none."""
    return Digest(text) if _DIGEST.fullmatch(text) else None


def new_hasher(algorithm: str) -> Hasher:
    """A running hash of an algorithm; `DigestInvalid` if it is not supported."""
    require_supported(algorithm)
    return _hash_of(algorithm)()


def require_supported(algorithm: str) -> None:
    """Go on only with a supported algorithm; `DigestInvalid` with another one."""
    if algorithm not in HEX_LENGTH:
        raise DigestInvalid(
            f"digest algorithm not supported; use one of {', '.join(HEX_LENGTH)}",
            {"algorithm": algorithm[:64]},
        )

"""Hashes that run while bytes arrive.

An upload may come in many requests, and each may reach another worker. What is known of the hash
goes with it (`lading.blobs.hash_notes`): the state after the last whole block, from which any
worker goes on. Where no state is to be had (`lading.blobs.libcrypto`), it is the digest of all
bytes, which is enough if no more follow; else the worker that has seen all bytes goes on hashing,
and one that has not reads them once, before the upload is committed.
"""

from dataclasses import dataclass
from typing import NamedTuple

from lading.blobs import libcrypto
from lading.core.digest import SHA256, SHA512, Bytes, Digest, Hasher, new_hasher

# Bytes of a block (FIPS 180-4).
BLOCK = {SHA256: 64, SHA512: 128}


_KINDS = {
    (SHA256, True): b"s",
    (SHA512, True): b"S",
    (SHA256, False): b"d",
    (SHA512, False): b"D",
}
OF_KIND = {kind: of for of, kind in _KINDS.items()}
"""Algorithms, and whether a hash of one can go on, by the letters that are kept of them."""


class Known(NamedTuple):
    """The known state of a hash, after the first `size` bytes of something.

    Attributes:
        can_go_on: whether `value` is the state of the hash, or else the digest.
        rest: the bytes after the first `size` ones, if they are known, too.
    """

    algorithm: str
    size: int
    can_go_on: bool
    value: bytes
    rest: bytes = b""

    @property
    def kind(self) -> bytes:
        """The letter that is kept of what is known, see `OF_KIND`."""
        return _KINDS[self.algorithm, self.can_go_on]


@dataclass(slots=True)
class RunningHash:
    """The hash of the first `size` bytes of something."""

    algorithm: str
    hasher: Hasher
    size: int = 0

    @classmethod
    def start(cls, algorithm: str) -> "RunningHash":
        """The hash of no bytes yet."""
        return cls(algorithm, libcrypto.new(algorithm) or new_hasher(algorithm))

    @classmethod
    def resume(cls, known: Known) -> "RunningHash | None":
        """The hash of the bytes that another has seen, if that one could tell."""
        if known.size == 0 and not known.rest:
            return cls.start(known.algorithm)
        hasher = (
            libcrypto.new(known.algorithm, known.value, known.size) if known.can_go_on else None
        )
        if hasher is None:
            return None
        running = cls(known.algorithm, hasher, known.size)
        running.update(known.rest)
        return running

    def update(self, data: Bytes) -> None:
        """Take the next bytes."""
        self.hasher.update(data)
        self.size += len(data)

    def digest(self) -> Digest:
        """The digest of the bytes so far."""
        return Digest(f"{self.algorithm}:{self.hasher.hexdigest()}")

    def known(self) -> Known:
        """The state that another can go on from: the one after the last whole block."""
        if isinstance(self.hasher, libcrypto.StatefulHasher):
            size = self.size - self.size % BLOCK[self.algorithm]
            return Known(self.algorithm, size, True, self.hasher.state(), self.hasher.rest())  # noqa: FBT003
        digest = bytes.fromhex(self.hasher.hexdigest())
        return Known(self.algorithm, self.size, False, digest)  # noqa: FBT003

"""Hashes that run while bytes arrive.

An upload may come in many requests, and each may reach another worker. What is known of the hash
goes with it (`lading.blobs.hash_notes`): the state after the last whole block, from which any
worker goes on. Where no state is to be had (`lading.blobs.libcrypto`), it is the digest of all
bytes, which is enough if no more follow; else the worker that has seen all bytes goes on hashing,
and one that has not reads them once, before the upload is committed.
"""

import struct
from dataclasses import dataclass
from typing import NamedTuple

from lading.blobs import libcrypto
from lading.core.digest import HEX_LENGTH, SHA256, SHA512, Bytes, Digest, Hasher, new_hasher

# Bytes of a block (FIPS 180-4).
BLOCK = {SHA256: 64, SHA512: 128}

# Algorithms, and whether a hash of one can go on, as they are kept: a letter for both.
_KINDS = {
    (SHA256, True): b"s",
    (SHA512, True): b"S",
    (SHA256, False): b"d",
    (SHA512, False): b"D",
}
_OF_KIND = {kind: of for of, kind in _KINDS.items()}
# The kind, and how many bytes are known; then the value, and the rest.
_HEAD = struct.Struct(">cQ")


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

    def pack(self) -> bytes:
        """What is known, as bytes that are kept."""
        return self.pack_all_but_rest() + self.rest

    def pack_all_but_rest(self) -> bytes:
        """As `pack`, for who has the rest elsewhere."""
        return _HEAD.pack(_KINDS[self.algorithm, self.can_go_on], self.size) + self.value

    @classmethod
    def unpack(cls, packed: bytes) -> "Known | None":
        """What was packed; `None` of other bytes, as another version of this program may keep."""
        if len(packed) < _HEAD.size:
            return None
        kind, size = _HEAD.unpack_from(packed)
        algorithm, can_go_on = _OF_KIND.get(kind, ("", False))
        end = _HEAD.size + HEX_LENGTH.get(algorithm, 0) // 2
        if not algorithm or len(packed) < end:
            return None
        return cls(algorithm, size, can_go_on, packed[_HEAD.size : end], packed[end:])


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

    @classmethod
    def unpack(cls, packed: bytes) -> "RunningHash | None":
        """The hash that goes on from what was packed; `None` if all bytes have to be read."""
        known = Known.unpack(packed)
        return None if known is None else cls.resume(known)

    def update(self, data: Bytes) -> None:
        """Take the next bytes."""
        self.hasher.update(data)
        self.size += len(data)

    def digest(self) -> Digest:
        """The digest of the bytes so far."""
        return Digest(f"{self.algorithm}:{self.hasher.hexdigest()}")

    def pack(self) -> bytes:
        """What is known of the hash, see `unpack`."""
        return self.known().pack()

    def known(self) -> Known:
        """The state that another can go on from: the one after the last whole block."""
        if isinstance(self.hasher, libcrypto.StatefulHasher):
            size = self.size - self.size % BLOCK[self.algorithm]
            return Known(self.algorithm, size, True, self.hasher.state(), self.hasher.rest())  # noqa: FBT003
        digest = bytes.fromhex(self.hasher.hexdigest())
        return Known(self.algorithm, self.size, False, digest)  # noqa: FBT003

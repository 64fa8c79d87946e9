"""Hashes of uploads on their way from one request to the next, which another replica may answer.

What is known of a hash stands in the row of the upload, as bytes: its kind, how many bytes it is
of, its value, and the bytes after the last whole block. So whoever goes on reads nothing back.
"""

import struct

from lading.blobs.hashing import OF_KIND, Known, RunningHash
from lading.core.digest import HEX_LENGTH, Digest

_HEAD = struct.Struct(">cQ")

NOTHING = b""
"""Nothing is known of the hash."""


def pack(known: Known) -> bytes:
    """What is known of a hash, as bytes."""
    return _HEAD.pack(known.kind, known.size) + known.value + known.rest


def resume(packed: bytes) -> RunningHash | None:
    """The hash that goes on from there; `None` if it cannot, and all bytes have to be read."""
    known = _unpack(packed)
    return None if known is None else RunningHash.resume(known)


def digest_of(packed: bytes) -> Digest | None:
    """The digest of all bytes; `None` if they have to be read for it."""
    running = resume(packed)
    return None if running is None else running.digest()


def _unpack(packed: bytes) -> Known | None:
    try:
        kind, size = _HEAD.unpack_from(packed)
    except struct.error:
        return None
    algorithm, can_go_on = OF_KIND.get(kind, ("", False))
    if not algorithm:  # of another version of this program
        return None
    end = _HEAD.size + HEX_LENGTH[algorithm] // 2
    return Known(algorithm, size, can_go_on, packed[_HEAD.size : end], packed[end:])

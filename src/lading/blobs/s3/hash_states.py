"""Hashes of uploads on their way from one request to the next, which another replica may answer.

What is known of a hash stands in the row of the upload, as bytes: its kind, how many bytes it is
of, its value, and the bytes after the last whole block. So whoever goes on reads nothing back.
"""

from lading.blobs.hashing import Known, RunningHash
from lading.core.digest import Digest

NOTHING = b""
"""Nothing is known of the hash."""


def begun_with(algorithm: str) -> bytes:
    """What is known of the hash of no bytes."""
    return RunningHash.start(algorithm).known().pack()


def resume(packed: bytes) -> RunningHash | None:
    """The hash that goes on from there; `None` if it cannot, and all bytes have to be read."""
    known = Known.unpack(packed)
    return None if known is None else RunningHash.resume(known)


def digest_of(packed: bytes) -> Digest | None:
    """The digest of all bytes; `None` if they have to be read for it."""
    running = resume(packed)
    return None if running is None else running.digest()

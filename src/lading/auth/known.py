"""Logins that were right lately, in memory that all workers see.

Kept are keyed hashes, under a key that only these processes have, or those of all replicas. A
worker reads and writes without a lock: an entry that two write at once is nobody's, and whoever it
was of is a stranger for once.
"""

import hmac
import mmap
import os
import struct

# 16 bytes of a hash, and when it is over, on a clock that all processes of a machine share.
_ENTRY = struct.Struct("=16sd")
# Entries that one hash may be in, and sets of so many: 65,536 entries, 1.5 MiB.
_WAYS = 8
_SETS = 8192
_SET_SIZE = _ENTRY.size * _WAYS


class KnownLogins:
    """Keyed hashes that are remembered for a while, by all workers that are made after this."""

    def __init__(self, key: bytes | None = None, memory: mmap.mmap | None = None) -> None:
        self._key = key or os.urandom(32)
        self._memory = memory or _new_memory()

    def under(self, key: bytes) -> "KnownLogins":
        """This memory with hashes under another key, one that other machines have, too."""
        return KnownLogins(key, self._memory)

    def fingerprint(self, *parts: str) -> bytes:
        """The keyed hash of a few words: of a login, or of an account at a client."""
        lengths = ",".join(str(len(part)) for part in parts)
        text = "\0".join((lengths, *parts))
        return hmac.digest(self._key, text.encode(errors="surrogatepass"), "sha256")[:16]

    def remember(self, fingerprint: bytes, *, now: float, until: float) -> None:
        """Remember a hash; of those that would be in its place, the one that ends first goes."""
        start = self._set_of(fingerprint)
        entries = list(_ENTRY.iter_unpack(self._memory[start : start + _SET_SIZE]))
        same = [way for way, (kept, _) in enumerate(entries) if kept == fingerprint]
        way = same[0] if same else min(range(_WAYS), key=lambda way: max(entries[way][1], now))
        _ENTRY.pack_into(self._memory, start + way * _ENTRY.size, fingerprint, until)

    def is_known(self, fingerprint: bytes, now: float) -> bool:
        """Whether a hash is remembered."""
        start = self._set_of(fingerprint)
        entries = _ENTRY.iter_unpack(self._memory[start : start + _SET_SIZE])
        return any(kept == fingerprint and until > now for kept, until in entries)

    def _set_of(self, fingerprint: bytes) -> int:
        return int.from_bytes(fingerprint[:4], "big") % _SETS * _SET_SIZE


def _new_memory() -> mmap.mmap:
    memory = mmap.mmap(-1, _SET_SIZE * _SETS)
    # Hashes of passwords do not belong into the picture of a process that has crashed.
    memory.madvise(mmap.MADV_DONTDUMP)
    return memory

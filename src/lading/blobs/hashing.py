"""Hashes that run while bytes arrive, and that another process can go on with.

An upload may come in many requests, and each may reach another worker. What is known of the hash
goes with it (`lading.blobs.upload_hash`): the state after the last whole block, from which any
worker goes on. Where no state is to be had, it is the digest of all bytes, which is enough if no
more follow; else the worker that has seen all bytes goes on hashing, and one that has not reads
them once, before the upload is committed.

A state cannot leave `hashlib`. The functions of OpenSSL's libcrypto below it keep theirs in a
structure that `openssl/sha.h` describes; they run the same code for the blocks, just as fast.
OpenSSL calls them deprecated since 3.0, so they may be missing one day: then, or if they do not
compute what `hashlib` does, `stateful_hasher` has none, and hashes do not travel.
"""

import ctypes
import hashlib
import struct
from ctypes import POINTER, Structure, byref, c_char, c_size_t, c_void_p
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, NamedTuple

from lading.core.digest import HEX_LENGTH, SHA256, SHA512, Bytes, Digest, Hasher, new_hasher

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
        """What is known but for the rest, as bytes that are kept; the rest may follow them."""
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
        return cls(algorithm, stateful_hasher(algorithm) or new_hasher(algorithm))

    @classmethod
    def resume(cls, known: Known) -> "RunningHash | None":
        """The hash of the bytes that another has seen, if that one could tell."""
        if known.size == 0 and not known.rest:
            return cls.start(known.algorithm)
        hasher = (
            stateful_hasher(known.algorithm, known.value, known.size) if known.can_go_on else None
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
        known = self.known()
        return known.pack() + known.rest

    def known(self) -> Known:
        """The state that another can go on from: the one after the last whole block."""
        if isinstance(self.hasher, StatefulHasher):
            state, rest = self.hasher.state(), self.hasher.rest()
            size = self.size - len(rest)
            return Known(self.algorithm, size, can_go_on=True, value=state, rest=rest)
        digest = bytes.fromhex(self.hasher.hexdigest())
        return Known(self.algorithm, self.size, can_go_on=False, value=digest)


# What the dynamic linker knows it by; `hashlib` has loaded one of them as a rule.
_LIBRARIES = ("libcrypto.so.3", "libcrypto.so.4")


def _context(word: Any) -> type[Structure]:
    """`SHA256_CTX` or `SHA512_CTX`, which differ by how long their words are."""

    class HashContext(Structure):
        _fields_: ClassVar = [
            ("h", word * 8),
            ("bits", word * 2),  # of all bytes so far; the low half first
            ("block", word * 16),
            ("in_block", ctypes.c_uint),
            ("digest_size", ctypes.c_uint),
        ]

    return HashContext


_CONTEXTS = {SHA256: _context(ctypes.c_uint32), SHA512: _context(ctypes.c_uint64)}
# The words of a state as they are kept.
_WORDS = {SHA256: struct.Struct(">8I"), SHA512: struct.Struct(">8Q")}


class _Functions:
    """Functions of one algorithm, `…_Init`, `…_Update` and `…_Final`, if there are some."""

    def __init__(self, library: ctypes.CDLL, algorithm: str) -> None:
        self.context = _CONTEXTS[algorithm]
        self.words = _WORDS[algorithm]
        self.bits_of_word = self.words.size  # which has eight words, in bytes of eight bits
        context = POINTER(self.context)
        name = algorithm.upper()
        self.init = library[f"{name}_Init"]
        self.init.argtypes = (context,)
        self.update = library[f"{name}_Update"]
        self.update.argtypes = (context, c_void_p, c_size_t)
        self.final = library[f"{name}_Final"]
        self.final.argtypes = (c_void_p, context)


class StatefulHasher:
    """A `hashlib` object that can be taken along between two blocks.

    Args:
        state: of another one, after so many whole blocks; none to start anew.
        size: bytes of these blocks.
    """

    def __init__(self, functions: _Functions, state: bytes = b"", size: int = 0) -> None:
        self._functions = functions
        self._context: Any = functions.context()
        functions.init(self._context)
        if state:
            self._context.h[:] = functions.words.unpack(state)
            high, low = divmod(8 * size, 1 << functions.bits_of_word)
            self._context.bits[:] = (low, high)

    def update(self, data: Bytes, /) -> None:
        """Hash more bytes."""
        size = len(data)
        if not isinstance(data, bytes) and memoryview(data).readonly:
            data = bytes(data)
        if size:
            where = data if isinstance(data, bytes) else byref(c_char.from_buffer(data))
            self._functions.update(self._context, where, size)

    def hexdigest(self) -> str:
        """The hash of all bytes so far, in lower-case hexadecimal."""
        end = self._functions.context.from_buffer_copy(self._context)
        digest = (c_char * self._context.digest_size)()
        self._functions.final(digest, end)
        return bytes(digest).hex()

    def state(self) -> bytes:
        """The state of the hash after the last whole block."""
        return self._functions.words.pack(*self._context.h)

    def rest(self) -> bytes:
        """The bytes since the last whole block."""
        return bytes(self._context.block)[: self._context.in_block]


def stateful_hasher(algorithm: str, state: bytes = b"", size: int = 0) -> StatefulHasher | None:
    """A hasher whose state can be handed on, where libcrypto has one; see `StatefulHasher`."""
    functions = _load(algorithm)
    return None if functions is None else StatefulHasher(functions, state, size)


@cache
def _load(algorithm: str) -> _Functions | None:
    for name in _LIBRARIES:
        try:
            functions = _Functions(ctypes.CDLL(name), algorithm)
        except (OSError, AttributeError):
            continue
        if _agrees_with_hashlib(functions, algorithm):
            return functions
    return None


def _agrees_with_hashlib(functions: _Functions, algorithm: str) -> bool:
    """Whether a hash that travelled is right: the structure is another program's, after all."""
    whole = hashlib.new(algorithm)
    block = whole.block_size
    first = StatefulHasher(functions)
    head, tail = bytes(range(block)) * 3, b"and a rest"
    first.update(head + tail[:5])
    second = StatefulHasher(functions, first.state(), len(head))
    second.update(first.rest() + tail[5:])
    whole.update(head + tail)
    return second.hexdigest() == whole.hexdigest()

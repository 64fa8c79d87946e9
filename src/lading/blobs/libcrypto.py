"""SHA-256 and SHA-512 whose state can go from one process to another, by OpenSSL's libcrypto.

What `hashlib` has hashed so far cannot leave it. The functions of the library below it that are
used here keep their state in a structure that `openssl/sha.h` describes; they run the same code for
the blocks, just as fast. OpenSSL calls them deprecated since 3.0, so they may be missing one day:
then, or if they do not compute what `hashlib` does, `new` has none, and hashes do not travel.
"""

import ctypes
import hashlib
from collections.abc import Callable
from ctypes import POINTER, Structure, byref, c_char, c_int, c_size_t, c_void_p
from functools import cache
from typing import Any, ClassVar

from lading.core.digest import SHA256, SHA512, Bytes

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


class _Functions:
    """Functions of one algorithm, `…_Init`, `…_Update` and `…_Final`, if there are some."""

    def __init__(self, library: ctypes.CDLL, algorithm: str) -> None:
        self.context = _CONTEXTS[algorithm]
        context = POINTER(self.context)
        name = algorithm.upper()
        self.init = _typed(library[f"{name}_Init"], context)
        self.update = _typed(library[f"{name}_Update"], context, c_void_p, c_size_t)
        self.final = _typed(library[f"{name}_Final"], c_void_p, context)


class StatefulHasher:
    """A `hashlib` object that can be taken along between two blocks.

    Args:
        functions: of the algorithm.
        state: of another one, after so many whole blocks; none to start anew.
        size: bytes of these blocks.
    """

    def __init__(self, functions: _Functions, state: bytes = b"", size: int = 0) -> None:
        self._functions = functions
        self._context: Any = functions.context()
        functions.init(self._context)
        if state:
            words = self._context.h
            width = ctypes.sizeof(words) // len(words)
            for index in range(len(words)):
                words[index] = int.from_bytes(state[index * width : (index + 1) * width])
            low = 1 << (8 * width)
            self._context.bits[:] = (8 * size % low, 8 * size // low)

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
        words = self._context.h
        width = ctypes.sizeof(words) // len(words)
        return b"".join(int(word).to_bytes(width) for word in words)

    def rest(self) -> bytes:
        """The bytes since the last whole block."""
        return bytes(self._context.block)[: self._context.in_block]


def new(algorithm: str, state: bytes = b"", size: int = 0) -> StatefulHasher | None:
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


def _typed(function: Any, *arguments: Any) -> Callable[..., int]:
    function.argtypes = arguments
    function.restype = c_int
    typed: Callable[..., int] = function
    return typed

"""Decompression within bounds: gzip, zstd, or nothing at all, as the first bytes say.

gzip: RFC 1952, "a gzip file consists of a series of members"; layers have been seen with many, and
with padding after the last one. zstd: RFC 8878, frames of which some are to be skipped.
"""

from collections.abc import Generator, Iterable, Iterator
from itertools import chain
from typing import BinaryIO, cast

import zstandard
from isal import igzip_lib, isal_zlib

from lading.archives.limits import PIECE, CutOff, Limits
from lading.core.images.tar_header import TarInvalid

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_SKIPPED = b"\x2a\x4d\x18"  # after a byte from 0x50 to 0x5f
# With gzip's header and trailer: the largest window, and 16 for the format.
_WBITS = 31
# Its types say that it is an instance.
_GZIP_ERROR = cast("type[Exception]", igzip_lib.IsalError)


def decompress(pieces: Iterable[bytes], limits: Limits) -> Generator[bytes, None, None]:
    """The bytes of an archive that was pushed, at most `PIECE` at a time.

    Raises:
        TarInvalid: they cannot be decompressed.
        CutOff: more came out than may.
    """
    count = 0
    for piece in _output(iter(pieces), limits):
        count += len(piece)
        if count > limits.output:
            raise CutOff(f"more than {limits.output} bytes came out of it")
        yield piece


def _output(pieces: Iterator[bytes], limits: Limits) -> Iterator[bytes]:
    head = b""
    while len(head) < len(_ZSTD) and (piece := next(pieces, b"")):
        head += piece
    whole = chain([head], pieces)
    if head.startswith(_GZIP):
        return _gzip(whole)
    if head.startswith(_ZSTD) or (
        0x50 <= (head[0] if head else 0) < 0x60 and head[1:4] == _SKIPPED
    ):
        return _zstd(whole, limits.window)
    return _cut(whole)


def _cut(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        for at in range(0, len(piece), PIECE):
            yield piece[at : at + PIECE]


def _gzip(pieces: Iterator[bytes]) -> Iterator[bytes]:
    member = isal_zlib.decompressobj(_WBITS)
    try:
        for piece in pieces:
            rest = piece
            while True:
                if member.eof and rest:
                    if not _GZIP.startswith(rest[:2]):  # padding, or rubbish
                        return
                    member = isal_zlib.decompressobj(_WBITS)
                output = member.decompress(rest, PIECE)
                if output:
                    yield output
                rest = member.unused_data if member.eof else member.unconsumed_tail
                if not rest and (member.eof or len(output) < PIECE):
                    break
    except _GZIP_ERROR as error:
        raise TarInvalid(f"the gzip data is damaged: {error}") from error
    if not member.eof:
        raise TarInvalid("the gzip data ends early")


def _zstd(pieces: Iterator[bytes], window: int) -> Iterator[bytes]:
    source = cast("BinaryIO", _Readable(pieces))
    context = zstandard.ZstdDecompressor(max_window_size=window)
    try:
        with context.stream_reader(source, PIECE, read_across_frames=True) as reader:
            while piece := reader.read(PIECE):
                yield piece
    except zstandard.ZstdError as error:
        raise TarInvalid(f"the zstd data cannot be read: {error}") from error


class _Readable:
    """Pieces as what has a `read`."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def read(self, size: int) -> bytes:
        while not self._rest and (piece := next(self._pieces, b"")):
            self._rest = piece
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece

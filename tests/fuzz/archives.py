"""Archives of layers, beside tarfile and libarchive: what all three read, they read alike.

Each of the three refuses some archives, and goes on with some that are damaged, in its own way. So
only what none of them finds anything wrong with is compared.
"""

import re
import tarfile
from collections.abc import Sequence
from contextlib import suppress
from itertools import takewhile

from lading.archives.limits import CutOff, Limits
from lading.archives.listing import entries
from lading.core.images.tar import Member, TarReader
from lading.core.images.tar_header import BLOCK, TarInvalid
from tests.support.tars import (
    Found,
    archive,
    by_libarchive,
    found_by,
    header,
    infos,
    libarchive,
    padded,
    pax,
    pieces,
)

# Of other members each program has its own opinion of whether they have data.
_PLAIN = frozenset((b"0", b"2", b"5"))
_LIMITS = Limits(entries=2000, output=2**22, window=2**20)
ARCHIVES: Sequence[bytes] = [
    archive({"etc": None, "etc/passwd": b"root", "usr/lib/x": b"y" * 600}, symlinks={"l": "etc"}),
    archive({"n" * 150: b"long", "d" * 120: None}, style=tarfile.GNU_FORMAT),
    pax(path=b"caf\xe9") + header(size=3) + padded(b"abc") + bytes(1024),
]


def archives(data: bytes) -> None:
    """Archives, compressed or not."""
    with suppress(TarInvalid, CutOff):
        for entry in entries(pieces(data, 700), _LIMITS):
            assert entry.path.isprintable()
            assert entry.size >= 0
    ours = _members(data)
    if ours is None:
        return
    with suppress(tarfile.TarError, ValueError, OverflowError):
        plain = takewhile(lambda info: not _is_read_otherwise(info, data), infos(data))
        theirs = [_compared(found_by(info)) for info in plain]
        # It reads owners and times, too, and takes a header whose are wrong for the end.
        assert theirs == ours[: len(theirs)]
    others = by_libarchive(data) if libarchive() is not None else None
    if others is not None and all(found.name for found in others):
        assert [_single(_compared(found)) for found in others] == [_single(each) for each in ours]


def _is_read_otherwise(info: tarfile.TarInfo, data: bytes) -> bool:
    """Whether tarfile has its own opinion of a member, and so of where the next one begins.

    An old header has no type for a directory: its name ends with `/`. tarfile looks at that name
    where another one comes before the header, as GNU's and those of pax do; Go at the other one.
    And where that other one is empty, Go takes the name of the header; libarchive does not, either.
    """
    header = info.offset_data - BLOCK
    is_old = data[header + 156 : header + 157] == tarfile.AREGTYPE
    return info.offset != header and (is_old or not info.name)


def _single(member: tuple[bytes, int]) -> tuple[bytes, int]:
    """A member with single slashes: libarchive puts none between a prefix that ends with one and
    the name."""
    return re.sub(b"/+", b"/", member[0]), member[1]


def _members(data: bytes) -> list[tuple[bytes, int]] | None:
    """Names and sizes, if there is nothing that others may read in another way."""
    reader = TarReader()
    found: list[Member] = []
    try:
        for piece in pieces(data, 700):
            found += reader.feed(piece)
        reader.close()
    except TarInvalid:
        return None
    if not all(member.type in _PLAIN and b"\x00" not in member.name for member in found):
        return None
    return [(member.name.rstrip(b"/"), member.size) for member in found]


def _compared(found: Found) -> tuple[bytes, int]:
    return found.name.rstrip(b"/"), found.size

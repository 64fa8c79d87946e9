"""Archives of layers, beside tarfile and libarchive: what all three read, they read alike.

Each of the three refuses some archives, and goes on with some that are damaged, in its own way. So
only what none of them finds anything wrong with is compared.
"""

import tarfile
from collections.abc import Sequence
from contextlib import suppress

from lading.archives.limits import CutOff, Limits
from lading.archives.listing import entries
from lading.core.tar import Member, TarReader
from lading.core.tar_header import TarInvalid
from tests.support.tars import (
    Found,
    archive,
    by_libarchive,
    by_tarfile,
    header,
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
        theirs = [_compared(found) for found in by_tarfile(data)]
        # It reads owners and times, too, and takes a header whose are wrong for the end.
        assert theirs == ours[: len(theirs)]
    others = by_libarchive(data) if libarchive() is not None else None
    if others is not None:
        assert [_compared(found) for found in others] == ours


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

"""Headers of tar archives: a block of 512 bytes becomes values, whichever of the formats it is of.

Sources: POSIX.1-2001 (pax, "ustar Interchange Format"), the manual of GNU tar ("Basic Tar Format").
"""

from typing import NamedTuple

BLOCK = 512
LARGEST = 2**63 - 1
"""The largest size that a file may have."""

_CHECKSUM = slice(148, 156)
_BLANK = 8 * ord(" ")
_USTAR = b"ustar\x00"
_GNU = b"ustar  \x00"
_STAR_TRAILER = b"tar\x00"
_DIGITS = frozenset(b"01234567")


class TarInvalid(ValueError):
    """Bytes that are no tar archive, or not one that is whole; the message says why."""


class RawHeader(NamedTuple):
    """A header as its block says it.

    Attributes:
        name: with the prefix that it was cut from.
        type: one byte, as `b"0"` for a file.
        size: of the data that follows, in bytes.
        real_size: of a sparse file of GNU's kind: with its holes.
        is_extended: whether more blocks about a sparse file follow.
    """

    name: bytes
    mode: int
    size: int
    type: bytes
    link: bytes
    real_size: int = 0
    is_extended: bool = False


def read(block: bytes) -> RawHeader:
    """Read a block that is not all zeros; `TarInvalid` if it is no header."""
    _check(block)
    type_ = block[156:157]
    name, magic = _text(block[0:100]), block[257:265]
    if magic.startswith(_USTAR):
        prefix = _text(block[345 : 476 if block.endswith(_STAR_TRAILER) else 500])
        name = prefix + b"/" + name if prefix else name
    raw = RawHeader(
        name, number(block[100:108]), _size(block[124:136]), type_, _text(block[157:257])
    )
    if type_ == b"S" and magic == _GNU:
        return raw._replace(real_size=_size(block[483:495]), is_extended=block[482] != 0)
    return raw


def number(field: bytes) -> int:
    """A number in octal digits, or, as large ones and negative ones are, in bytes to the base 256.

    Raises:
        TarInvalid: it is neither.
    """
    if field[0] & 0x80:
        bits = 8 * len(field) - 1
        value = int.from_bytes(field, "big") & ((1 << bits) - 1)
        return value - (1 << bits) if field[0] & 0x40 else value
    digits = field.partition(b"\x00")[0].strip(b" ") or field.strip(b" \x00")
    if not _DIGITS.issuperset(digits):
        raise TarInvalid("a number in a header is none")
    return int(digits or b"0", 8)


def _size(field: bytes) -> int:
    value = number(field)
    if not 0 <= value <= LARGEST:
        raise TarInvalid("a size in a header is negative or too large")
    return value


def _check(block: bytes) -> None:
    """Go on only with a block that has the checksum it says.

    "the simple sum of all octets in the header logical record … the chksum field shall be treated
    as if it were all <space> characters" (POSIX.1-2001). Old programs summed signed ones.
    """
    said = number(block[_CHECKSUM])
    unsigned = sum(block) - sum(block[_CHECKSUM]) + _BLANK
    if said == unsigned:
        return
    rest = block[:148] + block[156:]
    if said != unsigned - 256 * sum(1 for octet in rest if octet > 127):
        raise TarInvalid("a header has another checksum than it says: this is no tar archive")


def _text(field: bytes) -> bytes:
    return field.partition(b"\x00")[0]

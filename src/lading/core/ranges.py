"""Byte ranges: of a blob that is read (RFC 9110, section 14), of a chunk that is written (OCI)."""

import re
from collections.abc import Sequence

from msgspec import Struct

from lading.core.errors import RangeNotSatisfiable, UploadInvalid

_RANGE = re.compile(r"(\d{0,19})-(\d{0,19})", re.ASCII)
# "Range unit names are case-insensitive" (RFC 9110, 14.1).
_UNIT = re.compile("bytes=", re.ASCII | re.IGNORECASE)
# Ranges that a header may name. podman asks for as many parts of a layer at once (the
# `maxNumberMissingChunks` of containers/storage) and for no more.
MAX_RANGES = 1024
# "Content-Range … MUST match `^[0-9]+-[0-9]+$`" (distribution-spec); some clients send HTTP's form.
_CHUNK = re.compile(r"(?:bytes )?(\d{1,19})-(\d{1,19})(?:/(?:\*|\d{1,19}))?", re.ASCII)


class ByteRange(Struct, frozen=True):
    """Bytes `start` to `stop`, the latter not included."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        """The number of bytes in the range."""
        return self.stop - self.start


def parse_ranges(header: str, size: int) -> Sequence[ByteRange]:
    """The ranges that a `Range` header asks of a blob of `size` bytes; if none, it asks for all.

    Parts that overlap become one, where the first of them was asked for; those that only touch stay
    apart, as some clients count the parts that they get. What is no set of byte ranges is ignored,
    and so are too many: "A server … MAY ignore the Range header field" (RFC 9110, 14.2). So is any
    header where there is nothing to take a part of: some clients ask for the first so many bytes of
    everything, and Go's servers answer them the same.

    Raises:
        RangeNotSatisfiable: nothing of the blob lies in any of the ranges, or one ends before it
            begins.
    """
    header = header.strip()
    unit = _UNIT.match(header)
    if unit is None or size == 0:
        return ()
    # "A recipient MUST parse and ignore a reasonable number of empty list elements" (5.6.1.2).
    specs = [spec for text in header[unit.end() :].split(",") if (spec := text.strip(" \t"))]
    matches = [_RANGE.fullmatch(spec) for spec in specs]
    if not 0 < len(matches) <= MAX_RANGES:
        return ()
    found: list[ByteRange] = []
    for match in matches:
        if match is None or match.groups() == ("", ""):
            return ()
        found += _within(match[1], match[2], size)
    if not found:
        raise RangeNotSatisfiable(size)
    return _without_overlaps(found)


def _within(first: str, last: str, size: int) -> Sequence[ByteRange]:
    """The part of a blob that is between two positions, or its last so many bytes; or nothing.

    Raises:
        RangeNotSatisfiable: "An int-range is invalid if the last-pos value is present and less than
            first-pos" (RFC 9110, 14.1.1).
    """
    if first and last and int(last) < int(first):
        raise RangeNotSatisfiable(size)
    start = int(first) if first else max(0, size - int(last))
    stop = min(size, int(last) + 1) if first and last else size
    return [ByteRange(start, stop)] if start < stop else ()


def _without_overlaps(ranges: Sequence[ByteRange]) -> Sequence[ByteRange]:
    """Ranges of which none has a byte of another, in the order in which they began to be asked."""
    merged: list[tuple[int, ByteRange]] = []
    for place, part in sorted(enumerate(ranges), key=lambda placed: placed[1].start):
        if merged and part.start < merged[-1][1].stop:
            before, last = merged[-1]
            merged[-1] = min(before, place), ByteRange(last.start, max(last.stop, part.stop))
        else:
            merged.append((place, part))
    return [part for _, part in sorted(merged, key=lambda placed: placed[0])]


def parse_chunk(header: str) -> ByteRange:
    """The range that the `Content-Range` of a chunk says; `UploadInvalid` if it is none."""
    match = _CHUNK.fullmatch(header.strip())
    if match is None or int(match.group(2)) < int(match.group(1)):
        raise UploadInvalid("Content-Range must look like `0-1023`", {"range": header[:64]})
    return ByteRange(int(match.group(1)), int(match.group(2)) + 1)

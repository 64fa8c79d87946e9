"""Byte ranges: of a blob that is read (RFC 9110, section 14), of a chunk that is written (OCI)."""

import re
from dataclasses import dataclass

from lading.core.errors import RangeNotSatisfiable, UploadInvalid

# Only one range: a registry's clients send one, and RFC 9110 lets a server ignore others.
_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})", re.ASCII)
# "Content-Range … MUST match `^[0-9]+-[0-9]+$`" (distribution-spec); some clients send HTTP's form.
_CHUNK = re.compile(r"(?:bytes )?(\d{1,19})-(\d{1,19})(?:/(?:\*|\d{1,19}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes `start` to `stop`, the latter not included."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        """How many bytes."""
        return self.stop - self.start


def parse_range(header: str, size: int) -> ByteRange | None:
    """What a `Range` header asks of a blob of `size` bytes; `None` asks for all of it.

    A header that is not a single byte range is ignored: "A server … MAY ignore the Range header
    field" (RFC 9110, 14.2). So is any header where there is nothing to take a part of: some clients
    ask for the first so many bytes of everything, and Go's servers answer them the same.

    Raises:
        RangeNotSatisfiable: nothing of the blob lies in the range.
    """
    match = _RANGE.fullmatch(header.strip())
    if match is None or match.group(1) == match.group(2) == "" or size == 0:
        return None
    first, last = match.groups()
    if first == "":
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(size, int(last) + 1) if last else size
    if start >= stop:
        raise RangeNotSatisfiable(size)
    return ByteRange(start, stop)


def parse_chunk(header: str) -> ByteRange:
    """What the `Content-Range` of an uploaded chunk says.

    Raises:
        UploadInvalid: it is not a range.
    """
    match = _CHUNK.fullmatch(header.strip())
    if match is None or int(match.group(2)) < int(match.group(1)):
        raise UploadInvalid("Content-Range must look like `0-1023`", {"range": header[:64]})
    return ByteRange(int(match.group(1)), int(match.group(2)) + 1)

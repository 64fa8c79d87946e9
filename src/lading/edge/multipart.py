"""Several parts of a blob in one answer: `multipart/byteranges` (RFC 9110, 14.6)."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from lading.core.ranges import ByteRange
from lading.ports.blob_sources import BlobSource


@dataclass(frozen=True, slots=True)
class PartsBody:
    """A body of several parts of a blob.

    Attributes:
        boundary: between them, as it is found in no blob.
        size: of the whole blob.
    """

    source: BlobSource
    parts: Sequence[ByteRange]
    size: int
    boundary: str

    @property
    def media_type(self) -> str:
        """The value of `Content-Type`."""
        return f"multipart/byteranges; boundary={self.boundary}"

    @property
    def length(self) -> int:
        """The length of the body, with what is between its parts."""
        heads = sum(len(self.head_of(part)) + part.length for part in self.parts)
        return heads + len(self.end)

    def head_of(self, part: ByteRange) -> bytes:
        """The head of a part, which comes before its bytes."""
        return (
            f"\r\n--{self.boundary}\r\nContent-Type: application/octet-stream\r\n"
            f"Content-Range: {content_range(part, self.size)}\r\n\r\n"
        ).encode()

    @property
    def end(self) -> bytes:
        """The end of the body, after its last part."""
        return f"\r\n--{self.boundary}--\r\n".encode()


def content_range(part: ByteRange, size: int) -> str:
    """The value of `Content-Range`: which bytes of how many, `bytes 0-9/100`."""
    return f"bytes {part.start}-{part.stop - 1}/{size}"


def parts_of(source: BlobSource, parts: Sequence[ByteRange], size: int) -> PartsBody:
    """A body of parts of a blob; nobody who pushed it knew the boundary."""
    return PartsBody(source, parts, size, os.urandom(16).hex())

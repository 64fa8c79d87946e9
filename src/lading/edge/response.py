"""A response: what is to be sent. How it leaves is for `send` to decide."""

import os
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from lading.core.ranges import ByteRange
from lading.ports.blob_sources import BlobSource


@dataclass(frozen=True, slots=True)
class PartsBody:
    """A body of several parts of a blob.

    Attributes:
        size: of the whole blob.
        boundary: between them; nobody who pushed the blob knew it.
    """

    source: BlobSource
    parts: Sequence[ByteRange]
    size: int
    boundary: str = field(default_factory=lambda: os.urandom(16).hex())

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


JSON = "application/json"


class BlobBody(msgspec.Struct, frozen=True):
    """A body that is (a part of) a blob."""

    source: BlobSource
    range: ByteRange


@dataclass(frozen=True, slots=True)
class StreamBody:
    """A body that is made while it is sent, as its client takes it; nobody knows its length.

    Attributes:
        pieces: of the body, each of which fits into memory many times.
    """

    pieces: AsyncGenerator[bytes, None]


@dataclass(slots=True)
class Response:
    """A response, before it leaves.

    Attributes:
        headers: without `Content-Length`, which follows from the body unless it is given.
        digest: of the content that was pulled or pushed, for observers; a body is all of what has
            it, or a part of that. Empty if the response is about no content.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | BlobBody | PartsBody | StreamBody = b""
    digest: str = ""

    def take_bytes(self) -> bytes:
        """The bytes of the body, which are gone from here: who sends them has them."""
        body, self.body = self.body, b""
        assert isinstance(body, bytes)
        return body


def encode_json(value: object) -> bytes:
    """A value as JSON. Names and digests, which are kinds of `str`, become strings."""
    return msgspec.json.encode(value, enc_hook=str)


def json_response(
    value: object, *, headers: Mapping[str, str], content_type: str = JSON
) -> Response:
    """A JSON document, with status 200."""
    return Response(200, {"Content-Type": content_type, **headers}, encode_json(value))

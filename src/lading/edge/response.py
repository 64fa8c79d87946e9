"""A response: what is to be sent. How it leaves is for `send` to decide."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field

import msgspec

from lading.core.ranges import ByteRange
from lading.edge.multipart import PartsBody
from lading.ports.blob_sources import BlobSource

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class BlobBody:
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
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | BlobBody | PartsBody | StreamBody = b""

    def take_bytes(self) -> bytes:
        """The bytes of the body, which are gone from here: who sends them has them."""
        body, self.body = self.body, b""
        assert isinstance(body, bytes)
        return body


def encode_json(value: object) -> bytes:
    """A value as JSON. Names and digests, which are kinds of `str`, become strings."""
    return msgspec.json.encode(value, enc_hook=str)


def json_response(
    value: object, *, headers: Mapping[str, str] | None = None, content_type: str = JSON
) -> Response:
    """A JSON document, with status 200."""
    return Response(200, {"Content-Type": content_type, **(headers or {})}, encode_json(value))

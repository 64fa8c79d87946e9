"""A response: what is to be sent. How it leaves is for `send` to decide."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field

import msgspec

from lading.core.ranges import ByteRange
from lading.edge.multipart import PartsBody
from lading.ports.blob_sources import BlobSource

JSON = "application/json"

ALWAYS: Mapping[str, str] = {
    # "registry/2.0" tells Docker from 2014 on that this is not a registry of the first version.
    "Docker-Distribution-Api-Version": "registry/2.0",
    "X-Content-Type-Options": "nosniff",
    # What somebody pushed may be a page with scripts, under any media type. In a browser it is
    # nobody's: it runs nothing, loads nothing, and has no part in what this address may do.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
}
"""Headers of every response that has no other ones of these names."""


@dataclass(frozen=True, slots=True)
class BlobBody:
    """The body is (a part of) a blob."""

    source: BlobSource
    range: ByteRange


@dataclass(frozen=True, slots=True)
class StreamBody:
    """The body is made while it is sent, as its client takes it, and nobody knows its length.

    Attributes:
        pieces: of the body, each of which fits into memory many times.
    """

    pieces: AsyncGenerator[bytes, None]


@dataclass(slots=True)
class Response:
    """What is to be sent.

    Attributes:
        headers: without `Content-Length`, which follows from the body unless it is given.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | BlobBody | PartsBody | StreamBody = b""

    def take_bytes(self) -> bytes:
        """The body, which is gone from here: who sends it decides how long it stays in memory."""
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

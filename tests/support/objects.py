"""Rows of objects, as pushes to an object store write them."""

import uuid

from lading.core.digest import Digest
from lading.core.names import Owner, UploadId, UploadKey
from lading.metadata.metadata import Metadata
from lading.ports.objects import PlacedSegment, UploadProgress
from tests.support.contents import HELLO


async def take(metadata: Metadata, key: str) -> tuple[UploadKey, int]:
    """Begin an upload and take it; returns its generation, too."""
    upload = UploadKey.of(HELLO, UploadId.of(uuid.uuid4(), Owner.of("alice")))
    await metadata.uploads.begin(upload, b"", 1.0)
    generation = int(upload.id[:8], 16)
    await metadata.uploads.take(upload, generation=generation, writing=key, now=1.0, until=11.0)
    return upload, generation


def progress(key: str, writing: str | None = None) -> UploadProgress:
    """What a request has come to that stored one object of five bytes."""
    stored = PlacedSegment(key, 0, 5, 1.0)
    return UploadProgress(size=5, hash=b"", active_at=1.0, now=1.0, stored=stored, writing=writing)


async def commit_objects(metadata: Metadata, digest: Digest, key: str) -> None:
    """Commit an upload that is one object."""
    upload, generation = await take(metadata, key)
    await metadata.uploads.commit(upload, generation, progress(key), digest)

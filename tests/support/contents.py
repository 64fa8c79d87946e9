"""Contents to push: blobs, uploads and manifests, made of a few words."""

import json
import uuid
from collections.abc import Sequence
from pathlib import Path

from lading.blobs.stores import Stores
from lading.core import media
from lading.core.digest import SHA256, Digest
from lading.core.manifest import Manifest
from lading.core.manifest_document import parse
from lading.core.names import RepositoryName, UploadId, UploadKey
from lading.ports.blob_sources import BlobSource, InMemory, LocalFile

HELLO = RepositoryName("library/hello")
OTHER = RepositoryName("library/other")


def new_upload(repository: RepositoryName = HELLO) -> UploadKey:
    """Return an upload that nobody knows of yet."""
    return UploadKey.of(repository, UploadId.of(uuid.uuid4()))


async def begin(stores: Stores, algorithm: str = SHA256, *, now: float = 0) -> UploadKey:
    """Begin an upload."""
    upload = new_upload()
    await stores.uploads.begin(upload, algorithm=algorithm, now=now)
    return upload


async def begun(stores: Stores, data: bytes = b"", algorithm: str = SHA256) -> UploadKey:
    """Begin an upload and give it some bytes."""
    upload = await begin(stores, algorithm)
    async with stores.uploads.stage(upload) as staged:
        await staged.write(data)
    return upload


async def store(stores: Stores, data: bytes, algorithm: str = SHA256) -> Digest:
    """Put bytes into a store, all the way; return their digest."""
    digest = Digest.of(data, algorithm)
    upload = await begin(stores, algorithm)
    async with stores.uploads.stage(upload) as staged:
        await staged.write(data)
        async with stores.locks.lock(digest):
            await staged.commit(digest)
            await stores.uploads.settle(upload, digest)
    return digest


def read(source: BlobSource | None) -> bytes:
    """Return the bytes that are where a store says that they are."""
    assert source is not None
    if isinstance(source, LocalFile):
        return Path(source.path).read_bytes()
    assert isinstance(source, InMemory)
    return source.data


async def fetch(source: BlobSource | None) -> bytes:
    """Return the bytes that are where a store says that they are, wherever that is."""
    assert source is not None
    with source.open() as opened:
        return bytes(await opened.read(0, source.size))


def path_of(stores: Stores, digest: Digest) -> Path:
    """Return the file of a blob's bytes, be it there or not."""
    assert stores.disk is not None
    return Path(stores.disk.layout.blob(digest))


def descriptor(data: bytes, media_type: str = "application/octet-stream") -> dict[str, object]:
    """Return what a manifest says of bytes."""
    return {"mediaType": media_type, "digest": str(Digest.of(data)), "size": len(data)}


def image(
    config: bytes,
    *layers: bytes,
    subject: Manifest | None = None,
    artifact_type: str | None = None,
    annotations: dict[str, str] | None = None,
) -> Manifest:
    """Return an OCI image manifest of these contents."""
    document: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": media.OCI_MANIFEST,
        "config": descriptor(config, "application/vnd.oci.image.config.v1+json"),
        "layers": [descriptor(layer) for layer in layers],
    }
    if subject is not None:
        document["subject"] = descriptor(subject.body, subject.media_type)
    if artifact_type is not None:
        document["artifactType"] = artifact_type
    if annotations is not None:
        document["annotations"] = annotations
    return parse(json.dumps(document).encode(), media.OCI_MANIFEST, SHA256)


def index(
    children: Sequence[Manifest | bytes],
    *,
    subject: Manifest | None = None,
    annotations: dict[str, str] | None = None,
) -> Manifest:
    """Return an OCI index of manifests, or of blobs as BuildKit's cache is."""
    document: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": media.OCI_INDEX,
        "manifests": [
            descriptor(child.body, child.media_type)
            if isinstance(child, Manifest)
            else descriptor(child)
            for child in children
        ],
    }
    if subject is not None:
        document["subject"] = descriptor(subject.body, subject.media_type)
    if annotations is not None:
        document["annotations"] = annotations
    return parse(json.dumps(document).encode(), media.OCI_INDEX, SHA256)

"""What is pushed: random blobs, images made of them, and sizes as real registries have them."""

import hashlib
import json
import math
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import BinaryIO

from bench.http import Connection

OCI = "application/vnd.oci.image"
MANIFEST = f"{OCI}.manifest.v1+json"
INDEX = f"{OCI}.index.v1+json"
ACCEPT = {"Accept": f"{MANIFEST}, {INDEX}"}

MIB = 1024 * 1024
# Bytes at the end of a large blob that make it another one.
SALT = 16
# Bytes of a chunk, as Docker and others in Go send them.
CHUNK = 32 * 1024
# What is behind the bytes of the last chunk.
_END = b"\r\n0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes and their digest."""

    digest: str
    body: bytes

    @classmethod
    def of(cls, body: bytes) -> "Blob":
        """Work out the digest."""
        return cls(f"sha256:{hashlib.sha256(body).hexdigest()}", body)

    def descriptor(self, kind: str) -> dict[str, object]:
        """As a manifest refers to it."""
        return {"mediaType": f"{OCI}.{kind}", "digest": self.digest, "size": len(self.body)}


@dataclass(frozen=True, slots=True)
class Image:
    """A manifest, and the blobs it refers to, the configuration first."""

    manifest: Blob
    blobs: Sequence[Blob]


def image(rng: random.Random, layers: Sequence[int]) -> Image:
    """An image with layers of the given sizes, random all through."""
    return image_of([Blob.of(rng.randbytes(size)) for size in layers], rng.randbytes(700).hex())


def image_of(layers: Sequence[Blob], said: str = "") -> Image:
    """An image with these layers, whose configuration says something."""
    config = Blob.of(
        json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {"Env": [said]},
                "rootfs": {"type": "layers", "diff_ids": []},
            }
        ).encode()
    )
    manifest = Blob.of(
        json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": config.descriptor("config.v1+json"),
                "layers": [layer.descriptor("layer.v1.tar+gzip") for layer in layers],
            }
        ).encode()
    )
    return Image(manifest, [config, *layers])


def index(images: Sequence[Image]) -> Blob:
    """The manifest that lists one image for each platform."""
    platforms = ("amd64", "arm64", "arm", "s390x")
    manifests = [
        {
            **each.manifest.descriptor("manifest.v1+json"),
            "platform": {"os": "linux", "architecture": platform},
        }
        for each, platform in zip(images, platforms, strict=False)
    ]
    return Blob.of(
        json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}).encode()
    )


def layer_size(rng: random.Random, scale: float = 1.0) -> int:
    """A layer's size in bytes, as in the trace of IBM's registry from 2017.

    65 % up to 1 MB, 15 % up to 10 MB, 14.1 % up to 64 MiB, 5.3 % around 107 MB, 0.5 % around 457
    MB, 0.05 % around 2.2 GB (Anwar et al., FAST'18; the tail recomputed from the published trace).
    """
    kind = rng.random()
    if kind < 0.65:
        size = _log_uniform(rng, 300, 1e6)
    elif kind < 0.80:
        size = _log_uniform(rng, 1e6, 10e6)
    elif kind < 0.941:
        size = _log_uniform(rng, 10e6, 64 * MIB)
    elif kind < 0.994:
        size = 107e6
    elif kind < 0.9995:
        size = 457e6
    else:
        size = 2.2e9
    return max(64, int(size * scale))


def _log_uniform(rng: random.Random, low: float, high: float) -> float:
    return low * math.exp(math.log(high / low) * rng.random())


@dataclass(frozen=True, slots=True)
class LargeBlob:
    """A blob in a file in memory, so that the kernel can send it; and in another, in chunks."""

    digest: str
    descriptor: int
    chunks: int

    def open_chunks(self) -> BinaryIO:
        """The same bytes in chunks of `CHUNK`, as they go over the wire."""
        return open(self.chunks, "rb", closefd=False)

    def open(self) -> BinaryIO:
        """The file; closing it leaves the blob."""
        return open(self.descriptor, "rb", closefd=False)


def large_blob(size: int, salt: bytes = b"", file: int = 0) -> LargeBlob:
    """A blob of that many bytes, whole MiB. The salt, its last bytes, makes it another blob.

    There is one file for each size and number of a file: a salt is written over the last one.
    """
    descriptor, chunks, hasher = _large_base(size, file)
    last = salt.ljust(SALT)
    os.pwrite(descriptor, last, size - SALT)
    os.pwrite(chunks, last, os.fstat(chunks).st_size - len(_END) - SALT)
    ended = hasher.copy()
    ended.update(last)
    return LargeBlob(f"sha256:{ended.hexdigest()}", descriptor, chunks)


@cache
def _large_base(size: int, file: int) -> tuple[int, int, "hashlib._Hash"]:
    piece = random.Random(size).randbytes(MIB)
    descriptor = os.memfd_create(f"blob-{size}-{file}")
    chunks = os.memfd_create(f"chunks-{size}-{file}")
    hasher = hashlib.sha256()
    parts = (piece[start : start + CHUNK] for start in range(0, MIB, CHUNK))
    chunked = b"".join(b"%x\r\n%b\r\n" % (CHUNK, part) for part in parts)
    for position in range(0, size, MIB):
        os.pwrite(descriptor, piece, position)
        os.write(chunks, chunked)
        hasher.update(piece[: min(MIB, size - SALT - position)])
    os.write(chunks, _END[2:])
    return descriptor, chunks, hasher


def push_blob(connection: Connection, repository: str, digest: str, body: bytes | BinaryIO) -> None:
    """POST, PATCH with everything, PUT."""
    path = f"/v2/{repository}/blobs/uploads/"
    started = connection.request("POST", path).expect(202)
    patched = connection.request(
        "PATCH",
        started.headers["location"],
        headers={"Content-Type": "application/octet-stream"},
        body=body,
    ).expect(202)
    commit_upload(connection, patched.headers["location"], digest)


def commit_upload(connection: Connection, location: str, digest: str) -> None:
    """The PUT that ends an upload."""
    query = f"digest={digest.replace(':', '%3A')}"
    mark = "&" if "?" in location else "?"
    connection.request("PUT", f"{location}{mark}{query}").expect(201)


def push_manifest(
    connection: Connection, repository: str, reference: str, body: bytes, media_type: str = MANIFEST
) -> None:
    """PUT a manifest by tag or digest."""
    path = f"/v2/{repository}/manifests/{reference}"
    headers = {"Content-Type": media_type}
    connection.request("PUT", path, headers=headers, body=body).expect(201)


def push_image(connection: Connection, repository: str, tag: str, pushed: Image) -> None:
    """The blobs, then the manifest."""
    for blob in pushed.blobs:
        push_blob(connection, repository, blob.digest, blob.body)
    push_manifest(connection, repository, tag, pushed.manifest.body)

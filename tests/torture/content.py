"""What is pushed: made from numbers, so that gigabytes of it need not be remembered.

Two actors that make a layer of the same number make the same blob: that is how they come to share.
"""

import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from lading.core import media

MAX_LAYER = 60_000
# One of so many is large: an object store is sent it in parts.
FEW = 128
LARGE_LAYER = 17 * 1024 * 1024


@dataclass(frozen=True)
class Blob:
    """A blob that can be made again at any time.

    Attributes:
        seed: what it is made from: a number for a layer, the text itself for a configuration.
    """

    seed: int | str
    digest: str
    size: int

    def content(self) -> bytes:
        """The bytes."""
        return _content(self.seed)


@dataclass(frozen=True)
class Manifest:
    """A manifest, with what it needs.

    Attributes:
        children: the manifests that an index lists.
        subject: the digest that it is about, if any.
    """

    body: bytes
    media_type: str
    digest: str
    blobs: tuple[Blob, ...] = ()
    children: tuple["Manifest", ...] = field(default=())
    subject: str | None = None

    def family(self) -> Iterator["Manifest"]:
        """It, and all that it leads to."""
        yield self
        for child in self.children:
            yield from child.family()


def layer(number: int) -> Blob:
    """The layer of a number."""
    return _blob(number)


def image(layers: list[Blob], label: str, *, docker: bool, subject: Manifest | None) -> Manifest:
    """An image with a configuration of its own; or, with a subject, what is said about one."""
    config = _blob(json.dumps({"label": label}))
    document: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": media.DOCKER_MANIFEST if docker else media.OCI_MANIFEST,
        "config": _descriptor(config, "application/vnd.oci.image.config.v1+json"),
        "layers": [_descriptor(blob, "application/vnd.oci.image.layer.v1.tar") for blob in layers],
    }
    if subject is not None:
        document["subject"] = _manifest_descriptor(subject)
    return _manifest(
        document, (config, *layers), subject=subject.digest if subject is not None else None
    )


def index(children: list[Manifest]) -> Manifest:
    """An index of images, as for several architectures."""
    document: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": media.OCI_INDEX,
        "manifests": [_manifest_descriptor(child) for child in children],
    }
    return _manifest(document, (), children=tuple(children))


def _content(seed: int | str) -> bytes:
    if isinstance(seed, str):
        return seed.encode()
    maker = random.Random(seed)
    is_large = seed % FEW == FEW - 1
    return maker.randbytes(maker.randrange(MAX_LAYER) + is_large * LARGE_LAYER)


def _blob(seed: int | str) -> Blob:
    content = _content(seed)
    return Blob(seed, f"sha256:{hashlib.sha256(content).hexdigest()}", len(content))


def _descriptor(blob: Blob, media_type: str) -> dict[str, object]:
    return {"mediaType": media_type, "digest": blob.digest, "size": blob.size}


def _manifest_descriptor(manifest: Manifest) -> dict[str, object]:
    return {
        "mediaType": manifest.media_type,
        "digest": manifest.digest,
        "size": len(manifest.body),
    }


def _manifest(
    document: dict[str, object],
    blobs: tuple[Blob, ...],
    *,
    children: tuple[Manifest, ...] = (),
    subject: str | None = None,
) -> Manifest:
    body = json.dumps(document).encode()
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    return Manifest(body, str(document["mediaType"]), digest, blobs, children, subject)

"""An OCI image layout on disk: what clients copy to a registry and back, made of a few bytes."""

import gzip
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.pushes import (
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER_GZIPPED,
    OCI_MANIFEST,
    descriptor,
    digest_of,
)
from tests.support.tars import archive

ARCHITECTURES = ("amd64", "arm64")


@dataclass(frozen=True)
class Layout:
    """A directory as specified by the image-spec's image-layout.md, with one multi-arch image.

    Attributes:
        path: the directory.
        digest: of the index.
    """

    path: Path
    digest: str

    def blob(self, digest: str) -> bytes:
        """Return the bytes of a blob or a manifest."""
        return (self.path / "blobs" / digest.replace(":", "/")).read_bytes()

    def document(self, digest: str) -> Any:
        """Return a manifest or a configuration, read."""
        return json.loads(self.blob(digest))

    def image(self, architecture: str) -> str:
        """Return the digest of the image for an architecture."""
        children = self.document(self.digest)["manifests"]
        [digest] = [c["digest"] for c in children if c["platform"]["architecture"] == architecture]
        return str(digest)

    def is_in(self, path: Path) -> bool:
        """Whether another layout has every blob of this one, byte for byte."""
        blobs = [file for file in self.path.rglob("blobs/*/*") if file.is_file()]
        return all(
            (path / file.relative_to(self.path)).read_bytes() == file.read_bytes() for file in blobs
        )


def write_layout(path: Path, more: int = 0) -> Layout:
    """Make the layout; its tag is `latest`, and each of its images has two layers of its own.

    Args:
        path: for it.
        more: random bytes that each of its layers has, beside a few others.
    """
    images = [_image(path, architecture, more) for architecture in ARCHITECTURES]
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": images}
    tagged = {
        **_write_json(path, index, OCI_INDEX),
        "annotations": {"org.opencontainers.image.ref.name": "latest"},
    }
    top = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [tagged]}
    (path / "index.json").write_text(json.dumps(top))
    (path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    return Layout(path, str(tagged["digest"]))


def _image(path: Path, architecture: str, more: int) -> Mapping[str, Any]:
    contents = [architecture.encode() * 1000 + os.urandom(more) for _ in range(2)]
    files = [
        archive({f"etc/{name}": content})
        for name, content in zip(("first", "second"), contents, strict=True)
    ]
    platform = {"os": "linux", "architecture": architecture}
    config = {
        **platform,
        "config": {"Cmd": ["/none"]},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(file) for file in files]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": _write_json(path, config, OCI_CONFIG),
        "layers": [_write(path, gzip.compress(file, mtime=0), OCI_LAYER_GZIPPED) for file in files],
    }
    return {**_write_json(path, manifest, OCI_MANIFEST), "platform": platform}


def _write_json(path: Path, document: Mapping[str, Any], media_type: str) -> Mapping[str, Any]:
    return _write(path, json.dumps(document).encode(), media_type)


def _write(path: Path, content: bytes, media_type: str) -> Mapping[str, Any]:
    described = descriptor(content, media_type)
    file = path / "blobs" / described["digest"].replace(":", "/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return described

"""Images and artifacts made of a few files: the same ones have the same digests, always."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lading.core import media

CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
EMPTY = "application/vnd.oci.empty.v1+json"
DATA = "application/octet-stream"

Files = Mapping[str, str | bytes]
"""Contents by paths, such as `etc/motd`; a text is UTF-8."""

Descriptor = Mapping[str, Any]

# Level 1: contents of tests are small, and wait for nothing.
_LEVEL = 1


@dataclass(frozen=True, slots=True)
class Contents:
    """Contents to push: blobs, then manifests, each after those that it refers to.

    Attributes:
        manifests: media types and bytes; the last one is what a tag leads to.
    """

    blobs: Sequence[bytes] = ()
    manifests: Sequence[tuple[str, bytes]] = ()


def make_image(
    layers: Sequence[Files],
    platforms: Sequence[str] | None,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
) -> Contents:
    """An OCI image; or an index of one for each platform, if these are given.

    Args:
        layers: files of each, the lowest first.
        platforms: such as `linux/arm64/v8`.

    Raises:
        ValueError: a platform is none.
    """
    tars = [_tar(files) for files in layers]
    blobs = [gzip.compress(tar, _LEVEL, mtime=0) for tar in tars]
    described = [describe(blob, LAYER) for blob in blobs]
    configs, manifests, children = [], [], []
    for platform in platforms or ("linux/amd64",):
        parts = _platform(platform)
        config = _encode(_config(parts, tars, labels))
        fields = {"config": describe(config, CONFIG), "layers": described}
        body = _encode_manifest(media.OCI_MANIFEST, fields, {} if platforms else annotations)
        configs.append(config)
        manifests.append((media.OCI_MANIFEST, body))
        children.append({**describe(body, media.OCI_MANIFEST), "platform": parts})
    if platforms:
        index = _encode_manifest(media.OCI_INDEX, {"manifests": children}, annotations)
        manifests.append((media.OCI_INDEX, index))
    return Contents([*configs, *blobs], manifests)


def make_artifact(
    files: Mapping[str, bytes],
    artifact_type: str,
    media_type: str,
    subject: Descriptor | None,
    annotations: Mapping[str, str],
) -> Contents:
    """An OCI artifact, about a subject if there is one, with a titled layer for each file."""
    nothing = b"{}"
    layers = [
        {
            **describe(data, media_type),
            **({"annotations": {"org.opencontainers.image.title": title}} if title else {}),
        }
        for title, data in files.items()
    ]
    fields = {
        "artifactType": artifact_type,
        "config": describe(nothing, EMPTY),
        # "the layers array SHOULD have at least one entry": the empty one, if there is no other.
        "layers": layers or [describe(nothing, EMPTY)],
        **({"subject": subject} if subject else {}),
    }
    body = _encode_manifest(media.OCI_MANIFEST, fields, annotations)
    return Contents([nothing, *files.values()], [(media.OCI_MANIFEST, body)])


def describe(data: bytes, media_type: str) -> dict[str, Any]:
    """The descriptor of bytes."""
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    return {"mediaType": media_type, "digest": digest, "size": len(data)}


def _tar(files: Files) -> bytes:
    """A tar of files that nobody touched since 1970; a path ending with `/` is a directory."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(path.lstrip("/"))
            member.mode = 0o644
            if path.endswith("/"):
                member.type, member.mode, data = tarfile.DIRTYPE, 0o755, b""
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def _config(
    platform: Mapping[str, str], tars: Sequence[bytes], labels: Mapping[str, str]
) -> dict[str, Any]:
    return {
        **platform,
        "created": "1970-01-01T00:00:00Z",
        "config": {"Labels": dict(labels)} if labels else {},
        "rootfs": {
            "type": "layers",
            "diff_ids": [describe(tar, "")["digest"] for tar in tars],
        },
        "history": [{"created_by": "lading.testing"} for _ in tars],
    }


def _platform(text: str) -> dict[str, str]:
    names = ("os", "architecture", "variant")
    parts = text.split("/")
    if not 2 <= len(parts) <= len(names) or not all(parts):
        raise ValueError(f"{text!r} is no platform; write such as `linux/amd64`")
    return dict(zip(names, parts, strict=False))


def _encode_manifest(
    media_type: str, fields: Mapping[str, object], annotations: Mapping[str, str]
) -> bytes:
    annotated = {"annotations": dict(annotations)} if annotations else {}
    return _encode({"schemaVersion": 2, "mediaType": media_type, **fields, **annotated})


def _encode(document: object) -> bytes:
    return json.dumps(document).encode()

"""Summaries of manifests, as lists show them: what it is, how large, for which platforms.

A manifest may hold what it likes beside what was checked when it was pushed, so whatever cannot be
read counts as not there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from lading.core import media
from lading.core.digest import Digest, digest_in

# BuildKit's: what says how an image was built is a manifest of the image's own index
# (https://docs.docker.com/build/metadata/attestations/attestation-storage/).
_REFERENCE_TYPE = "vnd.docker.reference.type"
_UNKNOWN = "unknown"
PLATFORM = ("os", "architecture", "variant")
"""The fields that say for which platform something is."""
_IMAGE_CONFIGS = frozenset(
    {
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.docker.container.image.v1+json",
    }
)


class ManifestKind(StrEnum):
    """The kinds of manifests that people tell apart."""

    IMAGE = "image"
    INDEX = "index"
    ARTIFACT = "artifact"


class _Described(msgspec.Struct, rename="camel"):
    digest: str = ""
    size: int | None = None
    media_type: str | None = None
    platform: dict[str, object] | None = None
    annotations: dict[str, object] | None = None


class _Body(msgspec.Struct, rename="camel"):
    config: _Described | None = None
    layers: list[_Described] | None = None
    blobs: list[_Described] | None = None
    manifests: list[_Described] | None = None


@dataclass(frozen=True, slots=True)
class Child:
    """A manifest that an index holds.

    Attributes:
        platform: as `linux/arm64/v8`; empty if it says none.
        is_attestation: whether it says how another one was built, and is for no platform.
    """

    digest: Digest
    platform: str
    is_attestation: bool


@dataclass(frozen=True, slots=True)
class Summary:
    """A summary of a manifest.

    Attributes:
        size: bytes of its config and its layers, as it says; 0 of an index.
        layers: how many there are.
        config: the digest of its config; `None` if it has none.
        children: of an index, in its order.
    """

    kind: ManifestKind
    size: int
    layers: int
    config: Digest | None
    children: tuple[Child, ...]


def summarize(body: bytes, media_type: str) -> Summary:
    """The summary of a manifest that was pushed."""
    try:
        found = msgspec.json.decode(body, type=_Body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        found = _Body()
    if media_type in media.INDEXES or found.manifests is not None:
        children = [child for item in found.manifests or () if (child := _child(item)) is not None]
        return Summary(ManifestKind.INDEX, 0, 0, None, tuple(children))
    blobs = [*(found.layers or []), *(found.blobs or [])]
    named, config, kind = list(blobs), None, ManifestKind.ARTIFACT
    if found.config is not None and (config := digest_in(found.config.digest)):
        named.append(found.config)
        if found.config.media_type in _IMAGE_CONFIGS:
            kind = ManifestKind.IMAGE
    size = sum(max(blob.size or 0, 0) for blob in named)
    return Summary(kind, size, len(blobs), config, ())


def platform_of(described: Mapping[str, object]) -> str:
    """A platform in one word: `linux/arm64/v8`; empty if it is none that is known."""
    parts = [described.get(name) for name in PLATFORM]
    words = [part[:32] for part in parts if isinstance(part, str) and part]
    return "" if not words or _UNKNOWN in words[:2] else "/".join(words)


def _child(described: _Described) -> Child | None:
    digest = digest_in(described.digest)
    if digest is None:
        return None
    platform = platform_of(described.platform or {})
    kind = (described.annotations or {}).get(_REFERENCE_TYPE)
    return Child(digest, platform, is_attestation=isinstance(kind, str))

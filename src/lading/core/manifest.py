"""Manifests: what they say, and what they need.

A manifest is stored as the bytes that were pushed and is never rewritten. It is read once, when it
is pushed, to learn what it refers to; that graph is what collection and referrers work on.

Sources: image-spec `manifest.md`, `image-index.md`, `descriptor.md`; Docker image manifest v2,
schema 2.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from lading.core import media
from lading.core.digest import Digest
from lading.core.errors import ManifestInvalid

# "a registry … SHOULD enforce some limit … of at least 4 megabytes" (distribution-spec, Pushing
# Manifests). Distribution and zot refuse more than 4 MiB too.
DEFAULT_MAX_SIZE = 4 * 1024 * 1024


class Descriptor(msgspec.Struct, frozen=True, rename={"media_type": "mediaType"}):
    """What a manifest says of a piece of content (image-spec descriptor.md)."""

    digest: str
    size: int
    media_type: str = ""
    urls: list[str] | None = None


class _Document(msgspec.Struct, rename="camel"):
    """The fields that matter here, of any kind of manifest. All others are kept, not read."""

    schema_version: int | None = None
    media_type: str | None = None
    artifact_type: str | None = None
    config: Descriptor | None = None
    layers: list[Descriptor] | None = None
    blobs: list[Descriptor] | None = None
    manifests: list[Descriptor] | None = None
    subject: Descriptor | None = None
    annotations: dict[str, str] | None = None
    fs_layers: list[msgspec.Raw] | None = None


class EdgeKind(StrEnum):
    """How a manifest refers to something."""

    CONFIG = "config"
    LAYER = "layer"
    MANIFEST = "manifest"


@dataclass(frozen=True, slots=True)
class Edge:
    """A reference from a manifest to a blob or to another manifest.

    Attributes:
        required: whether it must be present when the manifest is pushed.
        size: in bytes, as the manifest says.
    """

    kind: EdgeKind
    child: Digest
    size: int
    required: bool = True


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest that was read.

    Attributes:
        artifact_type: the type as the referrers list shows it: the manifest's own, else the media
            type of its config (distribution-spec, Listing Referrers); empty if neither is there.
        subject: the manifest that this one is about; it need not exist.
    """

    body: bytes
    digest: Digest
    media_type: str
    artifact_type: str
    subject: Digest | None
    annotations: dict[str, str]
    edges: tuple[Edge, ...]


def parse(body: bytes, content_type: str, algorithm: str) -> Manifest:
    """Read a pushed manifest.

    Args:
        body: the bytes as pushed.
        content_type: the request's `Content-Type`; empty if there was none.
        algorithm: of the digest it is to be known by.

    Raises:
        ManifestInvalid: it is not a manifest, or not the one that `content_type` says.
        DigestInvalid: it refers to something by an unsupported digest.
    """
    document = _decode(body)
    media_type = _media_type(document, media.without_parameters(content_type))
    _check_shape(document, media_type)
    return Manifest(
        body=body,
        digest=Digest.of(body, algorithm),
        media_type=media_type,
        artifact_type=_artifact_type(document, media_type),
        subject=Digest(document.subject.digest) if document.subject else None,
        annotations=document.annotations or {},
        edges=tuple(_edges(document)),
    )


def _decode(body: bytes) -> _Document:
    try:
        body.decode()  # the decoder does not look into what it skips
        return msgspec.json.decode(body, type=_Document)
    except msgspec.ValidationError as error:
        raise ManifestInvalid(f"manifest invalid: {error}") from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ManifestInvalid(f"manifest is not JSON: {error}") from error


def _media_type(document: _Document, content_type: str) -> str:
    """The type to store: what the request says, and the document must not contradict it."""
    if content_type in media.SCHEMA_1 or document.fs_layers is not None:
        raise ManifestInvalid(
            "Docker image manifest schema 1 is not accepted: it was retired in 2017 and cannot be"
            " verified; push again with Docker 1.10 or newer, or convert with `skopeo copy`"
        )
    declared = document.media_type
    if content_type in {"", "application/json"}:
        content_type = declared or _guess(document)
    if declared is not None and declared != content_type:
        raise ManifestInvalid(
            f"the manifest's mediaType is {declared[:256]!r},"
            f" but the request's Content-Type is {content_type[:256]!r}; they must be the same"
        )
    if not (media.is_media_type(content_type) and media.is_json(content_type)):
        raise ManifestInvalid(
            f"{content_type[:256]!r} is not a media type of manifests;"
            f" set Content-Type to the manifest's mediaType, such as {media.OCI_MANIFEST}"
        )
    return content_type


def _guess(document: _Document) -> str:
    """OCI documents may leave out their mediaType; their shape tells them apart."""
    if document.manifests is not None:
        return media.OCI_INDEX
    if document.config is not None:
        return media.OCI_MANIFEST
    raise ManifestInvalid("the manifest has no mediaType, and the request has no Content-Type")


def _check_shape(document: _Document, media_type: str) -> None:
    if document.schema_version not in {2, None}:
        raise ManifestInvalid("the manifest's schemaVersion must be 2")
    known = media_type in media.IMAGES or media_type in media.INDEXES
    if known and document.schema_version is None:
        raise ManifestInvalid("the manifest has no schemaVersion")
    if media_type in media.IMAGES and (document.config is None or document.layers is None):
        raise ManifestInvalid("an image manifest must have `config` and `layers`")
    if media_type in media.INDEXES and document.manifests is None:
        raise ManifestInvalid("an index must have `manifests`")
    # A document that is an image to one client and an index to another is an attack
    # (image-spec GHSA-77vh-xpmg-72qh, CVE-2021-41190).
    if document.manifests is not None and (document.layers or document.config):
        raise ManifestInvalid("a manifest cannot have both `manifests` and `layers` or `config`")


def _artifact_type(document: _Document, media_type: str) -> str:
    if document.artifact_type:
        return document.artifact_type
    if document.config is not None and media_type not in media.INDEXES:
        return document.config.media_type
    return ""


def _edges(document: _Document) -> Iterator[Edge]:
    """Everything the document refers to, each digest once."""
    seen: set[str] = set()
    for kind, descriptor in _descriptors(document):
        if descriptor.size < 0:
            raise ManifestInvalid("a descriptor's size is negative", {"digest": descriptor.digest})
        if descriptor.digest not in seen:
            seen.add(descriptor.digest)
            yield Edge(
                kind, Digest(descriptor.digest), descriptor.size, _is_required(kind, descriptor)
            )


def _descriptors(document: _Document) -> Iterator[tuple[EdgeKind, Descriptor]]:
    if document.config is not None:
        yield EdgeKind.CONFIG, document.config
    for layer in (document.layers or []) + (document.blobs or []):
        yield EdgeKind.LAYER, layer
    for child in document.manifests or []:
        yield EdgeKind.MANIFEST, child


def _is_required(kind: EdgeKind, descriptor: Descriptor) -> bool:
    """Layers that are fetched from elsewhere need not be here."""
    if kind is not EdgeKind.LAYER:
        return True
    return not descriptor.urls and media.is_distributed(descriptor.media_type)

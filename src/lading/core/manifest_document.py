"""Documents of manifests: what a client has pushed, read as far as it matters here, and judged.

Sources: image-spec `manifest.md`, `image-index.md`, `descriptor.md`; Docker image manifest v2,
schema 2.
"""

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec.structs import replace

from lading.core import media
from lading.core.digest import Digest
from lading.core.errors import ManifestInvalid, ManifestTooLarge
from lading.core.manifest import Edge, EdgeKind, Manifest
from lading.core.unambiguous import require_unambiguous

# "This REQUIRED property specifies the size, in bytes" (image-spec descriptor.md); an `int64`.
_Size = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Descriptor(msgspec.Struct, frozen=True, rename={"media_type": "mediaType"}):
    """What a manifest says of a piece of content (image-spec descriptor.md).

    What is missing, and what is `null`, counts as empty: that is how clients in Go read it, so such
    manifests exist. Only a digest cannot be left out.
    """

    digest: str
    size: _Size | None = None
    media_type: str | None = None
    urls: list[str | None] | None = None


class _Document(msgspec.Struct, rename="camel"):
    """The document of a manifest of any kind: fields that matter here. Others are stored, not read.

    What is missing, and what is `null`, counts as empty, as above.
    """

    schema_version: int | None = None
    media_type: str | None = None
    artifact_type: str | None = None
    config: Descriptor | None = None
    layers: list[Descriptor] | None = None
    blobs: list[Descriptor] | None = None
    manifests: list[Descriptor] | None = None
    subject: Descriptor | None = None
    annotations: dict[str, str | None] | None = None
    fs_layers: list[msgspec.Raw] | None = None


class _Lists(msgspec.Struct):
    """The lists of a document, of which nothing is read but how long they are."""

    layers: list[msgspec.Raw] | None = None
    blobs: list[msgspec.Raw] | None = None
    manifests: list[msgspec.Raw] | None = None


# Bytes that a descriptor has at least: those of a digest.
_LEAST = 64


def parse(
    body: bytes, content_type: str, algorithm: str, max_descriptors: int | None = None
) -> Manifest:
    """Read a pushed manifest.

    Args:
        content_type: the request's `Content-Type`; empty if there was none.
        algorithm: of the digest it is to be known by.
        max_descriptors: blobs and manifests that it may name; `None` for any number.

    Raises:
        ManifestInvalid: it is not a manifest, or not the one that `content_type` says.
        ManifestTooLarge: it names too many blobs and manifests.
        DigestInvalid: it refers to something by an unsupported digest.
    """
    document = _decode(body, max_descriptors)
    media_type = _media_type(document, media.of_header(content_type))
    _check_shape(document, media_type)
    return Manifest(
        body=body,
        digest=Digest.of(body, algorithm),
        media_type=media_type,
        artifact_type=_artifact_type(document, media_type),
        subject=Digest(document.subject.digest) if document.subject else None,
        annotations=_annotations(document),
        edges=_edges(document),
    )


def annotations_of(body: bytes) -> bytes:
    """The annotations of a manifest that was pushed, as `Manifest.annotations` has them.

    Bytes that are damaged have none; that they are is found out by who asks for the manifest. Nor
    has what is nested more deeply than Python reads here, where it was read when it was pushed.
    """
    try:
        return _annotations(msgspec.json.decode(body, type=_Document))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return b"{}"


def is_schema_1(body: bytes) -> bool:
    """Whether it is a Docker image manifest of schema 1, which nobody can verify or serve."""
    try:
        document = msgspec.json.decode(body, type=_Document)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return False
    return document.schema_version == 1 or document.fs_layers is not None


def _decode(body: bytes, max_descriptors: int | None) -> _Document:
    try:
        text = body.decode()  # the decoder does not look into what it skips
        if max_descriptors is not None and len(body) > _LEAST * max_descriptors:
            # To read them takes the interpreter from all others for some milliseconds.
            lists = msgspec.json.decode(body, type=_Lists)
            _require_few(_count_listed(lists), max_descriptors)
        document = msgspec.json.decode(body, type=_Document)
        if max_descriptors is not None:
            named = _count_listed(document) + (document.config is not None)
            _require_few(named, max_descriptors)
        require_unambiguous(text)
    except msgspec.ValidationError as error:
        raise ManifestInvalid(f"manifest invalid: {error}") from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ManifestInvalid(f"manifest is not JSON: {error}") from error
    return document


def _count_listed(document: _Document | _Lists) -> int:
    return sum([len(each or ()) for each in (document.layers, document.blobs, document.manifests)])


def _require_few(count: int, most: int) -> None:
    if count > most:
        raise ManifestTooLarge(
            f"the manifest names {count} blobs and manifests, and at most {most} are taken; make"
            " several of it, or ask the registry's operator to raise limits.descriptors",
            {"descriptors": count, "limit": most},
        )


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
    if declared and declared != content_type:
        raise ManifestInvalid(
            f"the manifest's mediaType is {declared[:256]!r},"
            f" but the request's Content-Type is {content_type[:256]!r}; they must be the same"
        )
    if media.is_misspelled(content_type) or not media.is_json(content_type):
        raise ManifestInvalid(
            f"{content_type[:256]!r} is not a media type of manifests;"
            f" set Content-Type to the manifest's mediaType, such as {media.OCI_MANIFEST}"
        )
    return content_type


def _guess(document: _Document) -> str:
    """The media type of a document that leaves it out, as OCI allows: its shape tells."""
    if document.manifests is not None:
        return media.OCI_INDEX
    if document.config is not None:
        return media.OCI_MANIFEST
    raise ManifestInvalid("the manifest has no mediaType, and the request has no Content-Type")


def _check_shape(document: _Document, media_type: str) -> None:
    if document.schema_version not in {2, None}:
        raise ManifestInvalid("the manifest's schemaVersion must be 2")
    is_image, is_index = media_type in media.IMAGES, media_type in media.INDEXES
    if (is_image or is_index) and document.schema_version is None:
        raise ManifestInvalid("the manifest has no schemaVersion")
    # A document that is an image to one client and an index to another is an attack
    # (image-spec GHSA-77vh-xpmg-72qh, CVE-2021-41190).
    if (is_image or document.config is not None or document.layers is not None) and (
        is_index or document.manifests is not None
    ):
        raise ManifestInvalid(
            "a manifest is an image, with `config` and `layers`, or an index, with `manifests`;"
            " this one has the type or the fields of both"
        )
    if is_image and document.config is None:
        raise ManifestInvalid("an image manifest must have a `config`")


def _artifact_type(document: _Document, media_type: str) -> str:
    found = document.artifact_type or ""
    if not found and document.config is not None and media_type not in media.INDEXES:
        found = document.config.media_type or ""
    if "\x00" in found:  # which not every database can keep
        raise ManifestInvalid("the type of the artifact, or of the config, has NUL in it")
    return found


def _annotations(document: _Document) -> bytes:
    annotations = document.annotations or {}
    return msgspec.json.encode({name: value or "" for name, value in annotations.items()})


def _edges(document: _Document) -> tuple[Edge, ...]:
    """The edges of a document, each blob and each manifest once.

    What any of its descriptors asks for is asked for: one of them may have `urls`, another none.
    """
    edges: dict[tuple[bool, str], Edge] = {}
    for kind, descriptor in _descriptors(document):
        key = (kind is EdgeKind.MANIFEST, descriptor.digest)
        size, required = descriptor.size or 0, _is_required(kind, descriptor)
        known = edges.get(key)
        if known is None:
            edges[key] = Edge(kind, Digest(descriptor.digest), size, required)
        elif known.size != size or required > known.required:
            edges[key] = replace(
                known,
                size=size if size == known.size else None,
                required=required or known.required,
            )
    return tuple(edges.values())


def _descriptors(document: _Document) -> Iterator[tuple[EdgeKind, Descriptor]]:
    if document.config is not None:
        yield EdgeKind.CONFIG, document.config
    for layer in (document.layers or []) + (document.blobs or []):
        yield EdgeKind.LAYER, layer
    for child in document.manifests or []:
        yield EdgeKind.MANIFEST, child


def _is_required(kind: EdgeKind, descriptor: Descriptor) -> bool:
    """Whether a blob must be here: layers that are fetched from elsewhere need not be."""
    if kind is not EdgeKind.LAYER:
        return True
    has_urls = any(descriptor.urls or ())
    return not has_urls and media.is_distributed(descriptor.media_type or "")

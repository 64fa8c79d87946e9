"""Contents of a manifest as pages show them: its config, its layers, and what it says of itself.

As in `summaries`, beside this, whatever cannot be read counts as not there; of layers that lie on
each other, none counts then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

import msgspec

from lading.core import media
from lading.core.digest import Digest, digest_in
from lading.core.errors import DigestInvalid
from lading.core.images.lenient_json import fields_in, items_in, text_in, texts_in

# Layers that are told of: Docker makes 127 at most.
MOST_LAYERS = 200
# Facts of an artifact's configuration, and signs of one, that are shown.
_MOST_FACTS, _MOST_SIGNS = 40, 2000


@dataclass(frozen=True, slots=True)
class NamedBlob:
    """A blob that a manifest names; its size is what is stored.

    Attributes:
        title: what it is called, if that is said (`org.opencontainers.image.title`).
        is_elsewhere: whether clients get it from other addresses.
    """

    digest: Digest
    media_type: str
    title: str = ""
    is_elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class ManifestContents:
    """The contents of a manifest.

    Attributes:
        layers: the first of them, if there are many.
        layer_count: how many there are.
        subject: the manifest that it is about.
    """

    config: NamedBlob | None = None
    layers: Sequence[NamedBlob] = ()
    layer_count: int = 0
    annotations: Mapping[str, str] = field(default_factory=dict)
    subject: Digest | None = None


def contents_of(body: bytes) -> ManifestContents:
    """The contents of a manifest that was pushed."""
    found = fields_in(body)
    named = [*items_in(found.get("layers")), *items_in(found.get("blobs"))]
    layers = [layer for layer in map(_part, named[:MOST_LAYERS]) if layer is not None]
    subject = _part(found.get("subject"))
    return ManifestContents(
        config=_part(found.get("config")),
        layers=layers,
        layer_count=len(layers) + len(named[MOST_LAYERS:]),
        annotations=texts_in(found.get("annotations")),
        subject=None if subject is None else subject.digest,
    )


def facts_of(body: bytes) -> Mapping[str, str]:
    """The facts that an artifact's configuration says in words, as that of a Helm chart does."""
    found = {name: text_in(said) for name, said in islice(fields_in(body).items(), _MOST_FACTS)}
    return {name: text[:_MOST_SIGNS] for name, text in found.items() if text is not None}


def _part(described: msgspec.Raw | None) -> NamedBlob | None:
    said = fields_in(described)
    digest = digest_in(text_in(said.get("digest")) or "")
    if digest is None:
        return None
    annotations = texts_in(said.get("annotations"))
    media_type = text_in(said.get("mediaType")) or ""
    return NamedBlob(
        digest,
        media_type,
        annotations.get("org.opencontainers.image.title", ""),
        bool(items_in(said.get("urls"))) or not media.is_distributed(media_type),
    )


class ImageLayer(NamedTuple):
    """A layer as a manifest names it, and its size in bytes, as pushed."""

    digest: Digest
    size: int
    media_type: str


class _NamedLayer(msgspec.Struct, rename="camel"):
    digest: str
    size: int = 0
    media_type: str = ""


class _Image(msgspec.Struct):
    layers: list[_NamedLayer] = []


def layers_of(body: bytes, media_type: str) -> list[ImageLayer]:
    """The layers of a manifest that was pushed, the lowest first; none of what is no image."""
    if media_type not in media.IMAGES:
        return []
    try:
        layers = msgspec.json.decode(body, type=_Image).layers
        return [ImageLayer(Digest(item.digest), item.size, item.media_type) for item in layers]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, DigestInvalid):
        return []

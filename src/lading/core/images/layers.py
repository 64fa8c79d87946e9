"""Layers of an image, in the order in which they lie on each other."""

from typing import NamedTuple

import msgspec

from lading.core.digest import Digest
from lading.core.errors import DigestInvalid
from lading.core.media import IMAGES


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
    if media_type not in IMAGES:
        return []
    try:
        layers = msgspec.json.decode(body, type=_Image).layers
        return [ImageLayer(Digest(item.digest), item.size, item.media_type) for item in layers]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, DigestInvalid):
        return []

"""Contents of a manifest as pages show them: its config, its layers, and what it says of itself.

As in `core/summaries`, whatever cannot be read counts as not there. Sizes are not of the manifest:
who shows them knows what is stored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from lading.core.digest import Digest
from lading.core.errors import DigestInvalid
from lading.core.image_config import MOST_SAID


class _Written(msgspec.Struct):
    config: object = None
    layers: object = None
    blobs: object = None
    annotations: object = None
    subject: object = None


@dataclass(frozen=True, slots=True)
class NamedBlob:
    """A blob that a manifest names.

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
        subject: the manifest that it is about.
    """

    config: NamedBlob | None = None
    layers: Sequence[NamedBlob] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)
    subject: Digest | None = None


def contents_of(body: bytes) -> ManifestContents:
    """The contents of a manifest that was pushed."""
    try:
        found = msgspec.json.decode(body, type=_Written)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ManifestContents()
    layers = [_part(entry) for entry in (*_list(found.layers), *_list(found.blobs))]
    subject = _part(found.subject)
    return ManifestContents(
        config=_part(found.config),
        layers=[layer for layer in layers if layer is not None],
        annotations=_texts(found.annotations),
        subject=None if subject is None else subject.digest,
    )


def _part(value: object) -> NamedBlob | None:
    if not isinstance(value, dict):
        return None
    try:
        digest = Digest(str(value.get("digest")))
    except DigestInvalid:
        return None
    annotations = _texts(value.get("annotations"))
    return NamedBlob(
        digest,
        value["mediaType"] if isinstance(value.get("mediaType"), str) else "",
        annotations.get("org.opencontainers.image.title", ""),
        bool(_list(value.get("urls"))),
    )


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else []


def _texts(value: object) -> dict[str, str]:
    pairs = sorted(value.items()) if isinstance(value, dict) else []
    return {name: text for name, text in pairs[:MOST_SAID] if isinstance(text, str)}

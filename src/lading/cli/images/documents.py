"""Documents of images: what a manifest says, as far as it says it rightly; a stranger wrote it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lading.cli.images.source import FoundManifest
from lading.core import media
from lading.core.json_objects import object_in


@dataclass(frozen=True, slots=True)
class ReadDescriptor:
    """A descriptor: what a manifest says of something that it refers to.

    Attributes:
        platform: `linux/arm64/v8`; empty if it names none.
    """

    digest: str
    size: int
    media_type: str
    platform: str = ""
    artifact_type: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ManifestDocument:
    """A manifest as it was understood.

    Attributes:
        is_index: whether it lists other manifests.
        children: of an index.
        config: `None` for an index.
    """

    is_index: bool
    artifact_type: str
    config: ReadDescriptor | None
    layers: Sequence[ReadDescriptor]
    children: Sequence[ReadDescriptor]
    subject: ReadDescriptor | None
    annotations: Mapping[str, str]


def read_manifest(found: FoundManifest) -> ManifestDocument:
    """The document of a manifest; what it should say and does not is left empty."""
    document = object_in(found.body)
    config, subject = _part(document.get("config")), _part(document.get("subject"))
    artifact_type = _text(document.get("artifactType"))
    return ManifestDocument(
        is_index=found.media_type in media.INDEXES,
        artifact_type=artifact_type,
        config=config,
        layers=_parts(document.get("layers")),
        children=_parts(document.get("manifests")),
        subject=subject,
        annotations=texts(document.get("annotations")),
    )


def texts(value: object) -> Mapping[str, str]:
    """The texts of an object, by name."""
    if not isinstance(value, dict):
        return {}
    return {name: text for name, text in value.items() if isinstance(text, str)}


def platform_of(value: object) -> str:
    """A platform in the way people write it, `linux/arm64/v8`; empty if it is none."""
    names = texts(value)
    parts = (names.get(name, "") for name in ("os", "architecture", "variant"))
    return "/".join(part for part in parts if part)


def _parts(value: object) -> Sequence[ReadDescriptor]:
    found = (_part(item) for item in value) if isinstance(value, list) else ()
    return [part for part in found if part is not None]


def _part(value: object) -> ReadDescriptor | None:
    if not isinstance(value, dict) or not isinstance(value.get("digest"), str):
        return None
    size = value.get("size")
    return ReadDescriptor(
        digest=value["digest"],
        size=size if isinstance(size, int) and size >= 0 else 0,
        media_type=_text(value.get("mediaType")),
        platform=platform_of(value.get("platform")),
        artifact_type=_text(value.get("artifactType")),
        annotations=texts(value.get("annotations")),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""

"""Documents of images: manifests and configurations, as far as they are right; strangers' words."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from lading.cli.images.source import FoundManifest, ImageRepository, ReadDescriptor, opened
from lading.core import media
from lading.core.images.image_config import ShownConfig, read_config
from lading.core.json_objects import object_in

# Bytes of a configuration that are read; real ones have some KiB.
_MOST = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ManifestDocument:
    """A manifest as it was understood; an index has children, and no config.

    Attributes:
        layers: of an image; and blobs that an index holds, as BuildKit's cache does.
        children: manifests that an index holds.
        elsewhere: digests of those layers that clients get from other addresses; a registry may
            have them, too.
    """

    is_index: bool
    artifact_type: str
    config: ReadDescriptor | None
    layers: Sequence[ReadDescriptor]
    children: Sequence[ReadDescriptor]
    subject: ReadDescriptor | None
    annotations: Mapping[str, str]
    elsewhere: Set[str]


def read_manifest(found: FoundManifest) -> ManifestDocument:
    """The document of a manifest; what it should say and does not is left empty."""
    document = object_in(found.body)
    held = descriptors(document.get("manifests"))
    blobs = [one for one in held if not media.names_manifest(one.media_type)]
    return ManifestDocument(
        is_index=found.media_type in media.INDEXES,
        artifact_type=_text(document.get("artifactType")),
        config=_part(document.get("config")),
        layers=[*descriptors(document.get("layers")), *blobs],
        children=[one for one in held if media.names_manifest(one.media_type)],
        subject=_part(document.get("subject")),
        annotations=_texts(document.get("annotations")),
        elsewhere=_elsewhere(document.get("layers")),
    )


async def fetch_config(repository: ImageRepository, document: ManifestDocument) -> ShownConfig:
    """The configuration that a manifest names; `BlobUnknown` if the registry does not have it."""
    assert document.config is not None
    async with opened(repository, document.config, "configuration") as file:
        return read_config(file.read(_MOST))


def descriptors(value: object) -> Sequence[ReadDescriptor]:
    """The descriptors of a list; what is none is left out."""
    found = (_part(item) for item in value) if isinstance(value, list) else ()
    return [part for part in found if part is not None]


def _elsewhere(value: object) -> Set[str]:
    found = [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
    return {
        _text(item.get("digest"))
        for item in found
        if item.get("urls") or not media.is_distributed(_text(item.get("mediaType")))
    }


def _texts(value: object) -> Mapping[str, str]:
    """The texts of an object, by name."""
    if not isinstance(value, dict):
        return {}
    return {name: text for name, text in value.items() if isinstance(text, str)}


def _platform_of(value: object) -> str:
    """A platform in the way people write it, `linux/arm64/v8`; empty if it is none."""
    names = _texts(value)
    parts = (names.get(name, "") for name in ("os", "architecture", "variant"))
    return "/".join(part for part in parts if part)


def _part(value: object) -> ReadDescriptor | None:
    if not isinstance(value, dict) or not isinstance(value.get("digest"), str):
        return None
    size = value.get("size")
    return ReadDescriptor(
        digest=value["digest"],
        size=size if isinstance(size, int) and size >= 0 else 0,
        media_type=_text(value.get("mediaType")),
        platform=_platform_of(value.get("platform")),
        artifact_type=_text(value.get("artifactType")),
        annotations=_texts(value.get("annotations")),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""

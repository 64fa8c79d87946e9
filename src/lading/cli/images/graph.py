"""Graph of an image: what it refers to, down to its layers, and what refers to it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lading.cli.images.documents import ManifestDocument, read_manifest
from lading.cli.images.source import FoundManifest, ImageRepository, ReadDescriptor
from lading.core.errors import ManifestUnknown, RegistryError

# Indexes in indexes, and referrers of referrers; more is nobody's image.
DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Branch:
    """A part of an image, with the parts of that.

    Attributes:
        kind: `index`, `image`, `artifact`, `config`, `layer`, `referrer`.
        name: its platform, its title, or the type of an artifact; empty if it has none.
        size: in bytes, as it is or as is said of it.
        missing: whether the registry does not have it.
    """

    kind: str
    digest: str
    media_type: str
    size: int
    name: str = ""
    missing: bool = False
    parts: Sequence["Branch"] = ()

    def all(self) -> Iterator["Branch"]:
        """This one, and all that belongs to it."""
        yield self
        for part in self.parts:
            yield from part.all()


async def grow(
    repository: ImageRepository, found: FoundManifest, *, referrers: bool, depth: int = 0
) -> Branch:
    """All of an image that so many manifests lead to; with what refers to it, if that is wanted."""
    document = read_manifest(found)
    parts = [_leaf("config", document.config)] if document.config else []
    parts += [await _layer(repository, layer, document) for layer in document.layers]
    if depth < DEEPEST:
        for child in document.children:
            parts.append(await _child(repository, child, referrers, depth + 1))
        if referrers:
            parts += await _referrers(repository, found.digest, depth + 1)
    kind = kind_of(document)
    name = document.artifact_type if kind == "artifact" else ""
    return Branch(kind, found.digest, found.media_type, len(found.body), name, parts=parts)


def kind_of(document: ManifestDocument) -> str:
    """The kind of a manifest as people call it: an index, an image, an artifact."""
    if document.is_index:
        return "index"
    config = document.config.media_type if document.config else ""
    is_image = "image" in config and not document.artifact_type
    return "image" if is_image else "artifact"


def blobs_of(branch: Branch) -> Mapping[str, int]:
    """The sizes of all that an image has, by digest: what a registry keeps for it."""
    return {part.digest: part.size for part in branch.all() if not part.missing}


async def _layer(
    repository: ImageRepository, layer: ReadDescriptor, document: ManifestDocument
) -> Branch:
    leaf = _leaf("layer", layer)
    if layer.digest not in document.elsewhere:
        return leaf
    return replace(leaf, missing=not await repository.has_blob(layer.digest))


async def _child(
    repository: ImageRepository, child: ReadDescriptor, referrers: bool, depth: int
) -> Branch:
    try:
        found = await repository.manifest(child.digest)
    except ManifestUnknown:
        return replace(_leaf("image", child), name=child.platform, missing=True)
    grown = await grow(repository, found, referrers=referrers, depth=depth)
    return replace(grown, name=child.platform or grown.name)


async def _referrers(repository: ImageRepository, digest: str, depth: int) -> list[Branch]:
    branches = []
    for referrer in await repository.referrers(digest):
        branch = replace(_leaf("referrer", referrer), name=referrer.artifact_type)
        try:
            found = await repository.manifest(referrer.digest)
            grown = await grow(repository, found, referrers=True, depth=depth)
            branches.append(replace(branch, parts=grown.parts))
        except RegistryError:
            branches.append(replace(branch, missing=True))
    return branches


def _leaf(kind: str, part: ReadDescriptor) -> Branch:
    title = part.annotations.get("org.opencontainers.image.title", "")
    return Branch(kind, part.digest, part.media_type, part.size, title)

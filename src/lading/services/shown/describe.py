"""Describing a manifest: what an image or an artifact holds, runs, and shares with others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lading.core.access import Access, Action, Grant
from lading.core.digest import Digest
from lading.core.errors import BlobUnknown, ManifestUnknown
from lading.core.images.contents import ManifestContents, NamedBlob, contents_of, facts_of
from lading.core.images.image_config import ShownConfig, read_config
from lading.core.images.summaries import ManifestKind
from lading.core.names import Reference, RepositoryName, Tag
from lading.metadata.manifests import StoredManifest
from lading.metadata.shown.sharing import Sharing
from lading.services.pull import pull_blob
from lading.services.registry import Registry
from lading.services.shown.families import ManifestFamily, ShownManifest
from lading.system.turns import off_loop

# Bytes of a configuration that are read; real ones have some KiB.
MOST_CONFIG = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of an image, or a file of an artifact.

    Attributes:
        size: bytes that are stored of it; `None` if it is not here.
        images: other images of the repository that have it.
        repositories: other repositories that have it, of those that the visitor may see.
    """

    part: NamedBlob
    size: int | None
    images: Sequence[Digest] = ()
    repositories: Sequence[RepositoryName] = ()

    @property
    def is_alone(self) -> bool:
        """Whether nothing else that the visitor may see has it."""
        return self.size is not None and not (self.images or self.repositories)


@dataclass(frozen=True, slots=True)
class DescribedImage:
    """A manifest, described.

    Attributes:
        shown: as lists show it, with what an index holds and what is about it.
        tags: that point to it.
        layers: the first of them, if there are many.
        config: what it runs; an empty one if it is no image.
        facts: what the config of an artifact says in words; none of an image.
        has_config: whether its config can be shown.
        size: bytes that are stored of its config and these layers, each once.
        own_size: bytes of these that nothing else has.
    """

    manifest: StoredManifest
    shown: ShownManifest
    tags: Sequence[Tag]
    contents: ManifestContents
    layers: Sequence[Layer]
    config: ShownConfig
    facts: Mapping[str, str]
    has_config: bool
    size: int
    own_size: int


async def describe(
    registry: Registry, access: Access, grant: Grant, reference: Reference
) -> DescribedImage:
    """The manifest of a tag or a digest, described for somebody.

    Args:
        access: of who asks: repositories that it does not see are not named.

    Raises:
        RepositoryUnknown, ManifestUnknown, ManifestDamaged: see `pull_manifest`.
    """
    repository = grant.repository
    family = ManifestFamily(await registry.metadata.manifests.family(repository, [reference]))
    manifest = await family.stored(registry, grant, reference)
    [shown] = await family.make_each(family.show, [manifest.digest])
    if shown is None:  # it was deleted meanwhile
        raise ManifestUnknown("", {"name": repository, "reference": reference})
    contents = await off_loop(len(manifest.body), lambda: contents_of(manifest.body))
    parts = [*contents.layers, *([contents.config] if contents.config else [])]
    sharing = await registry.metadata.links.sharing(
        repository, manifest.digest, [part.digest for part in parts]
    )
    layers = [_layer(part, sharing, access) for part in contents.layers]
    blobs = {part.digest: _layer(part, sharing, access) for part in parts}
    config = contents.config
    here = None if config is None else sharing.get(config.digest)
    body = await config_body(registry, grant, config, None if here is None else here.size)
    is_artifact = shown.kind is ManifestKind.ARTIFACT
    return DescribedImage(
        manifest=manifest,
        shown=shown,
        tags=await registry.metadata.tags.of_manifest(repository, manifest.digest),
        contents=contents,
        layers=layers,
        config=await off_loop(len(body), lambda: read_config(body)),
        facts=await off_loop(len(body), lambda: facts_of(body)) if is_artifact else {},
        has_config=bool(body),
        size=sum(blob.size or 0 for blob in blobs.values()),
        own_size=sum(blob.size or 0 for blob in blobs.values() if blob.is_alone),
    )


async def read_text(registry: Registry, grant: Grant, digest: Digest) -> bytes:
    """The bytes of a small blob that is a document, as configs are.

    Raises:
        BlobUnknown: it is not in this repository, or is too large for a document.
        BlobDamaged: its bytes are not there.
    """
    blob = await pull_blob(registry, grant, digest)
    if blob.size > MOST_CONFIG:
        raise BlobUnknown("it is too large to be shown; pull it", {"digest": digest})
    with blob.source.open() as opened:
        return bytes(await opened.read(0, blob.size))


async def config_body(
    registry: Registry, grant: Grant, config: NamedBlob | None, size: int | None
) -> bytes:
    """The bytes of a configuration; none if it is not here, or is too large for one.

    Args:
        size: that it has in the repository; `None` if it is not in that.
    """
    grant.require(Action.PULL)
    if config is None or size is None or size > MOST_CONFIG:
        return b""
    source = await registry.blobs.find(config.digest)
    if source is None:
        return b""
    with source.open() as opened:
        return bytes(await opened.read(0, source.size))


def _layer(part: NamedBlob, sharing: Mapping[Digest, Sharing], access: Access) -> Layer:
    found = sharing.get(part.digest)
    if found is None:
        return Layer(part, None)
    seen = [name for name in found.repositories if access.sees(name)]
    return Layer(part, found.size, found.images, seen)

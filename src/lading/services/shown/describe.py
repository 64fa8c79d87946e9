"""Describing manifests: what an image or an artifact holds, runs, and shares; or two, compared."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from lading.core.access import Access, Grant
from lading.core.digest import Digest
from lading.core.errors import ManifestUnknown
from lading.core.images.contents import ManifestContents, NamedBlob, contents_of, facts_of
from lading.core.images.image_config import ShownConfig, read_config
from lading.core.images.summaries import ManifestKind
from lading.core.names import Reference, RepositoryName, Tag
from lading.metadata.linked_blobs import Sharing
from lading.metadata.manifests import StoredManifest
from lading.services.registry import Registry
from lading.services.shown.configs import config_body
from lading.services.shown.families import ManifestFamily, ShownManifest
from lading.system.threads import off_loop


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


@dataclass(frozen=True, slots=True)
class ComparedImage:
    """One of two images that are compared.

    Attributes:
        shown, layers, size: as of one that is described.
    """

    manifest: StoredManifest
    shown: ShownManifest
    layers: Sequence[Layer]
    config: ShownConfig
    size: int


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
    contents = await _contents(manifest)
    parts, config = _parts(contents), contents.config
    sharing = await registry.metadata.links.sharing(
        repository, manifest.digest, [part.digest for part in parts]
    )
    layers = [_layer(part, sharing, access) for part in contents.layers]
    blobs = {part.digest: _layer(part, sharing, access) for part in parts}
    size = None if config is None else blobs[config.digest].size
    body = await config_body(registry, grant, config, size)
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


async def look_at_both(
    registry: Registry, grant: Grant, references: Sequence[Reference]
) -> Mapping[Reference, ComparedImage]:
    """The images of tags and digests, without those that are not here; see `pull_manifest`."""
    family = ManifestFamily(await registry.metadata.manifests.family(grant.repository, references))
    found: dict[Reference, tuple[StoredManifest, ManifestContents]] = {}
    for reference in references:
        with suppress(ManifestUnknown):
            manifest = await family.stored(registry, grant, reference)
            found[reference] = manifest, await _contents(manifest)
    named = [part.digest for _, contents in found.values() for part in _parts(contents)]
    sizes = await registry.metadata.links.sizes_here(grant.repository, named)
    images = {}
    for reference, (manifest, contents) in found.items():
        shown, config = family.show(manifest.digest), contents.config
        if shown is None:  # it was deleted meanwhile
            continue
        size = None if config is None else sizes.get(config.digest)
        body = await config_body(registry, grant, config, size)
        images[reference] = ComparedImage(
            manifest,
            shown,
            [Layer(part, sizes.get(part.digest)) for part in contents.layers],
            await off_loop(len(body), partial(read_config, body)),
            sum(sizes.get(digest, 0) for digest in {part.digest for part in _parts(contents)}),
        )
    return images


async def _contents(manifest: StoredManifest) -> ManifestContents:
    return await off_loop(len(manifest.body), lambda: contents_of(manifest.body))


def _parts(contents: ManifestContents) -> Sequence[NamedBlob]:
    return [*contents.layers, *([contents.config] if contents.config else [])]


def _layer(part: NamedBlob, sharing: Mapping[Digest, Sharing], access: Access) -> Layer:
    found = sharing.get(part.digest)
    if found is None:
        return Layer(part, None)
    seen = [name for name in found.repositories if access.sees(name)]
    return Layer(part, found.size, found.images, seen)

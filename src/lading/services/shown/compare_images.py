"""Comparing images: two of a repository, with what a page shows of how they differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from lading.core.access import Grant
from lading.core.digest import Digest
from lading.core.errors import ManifestUnknown
from lading.core.images.contents import contents_of
from lading.core.images.image_config import ShownConfig, read_config
from lading.core.names import Reference
from lading.metadata.manifests import StoredManifest
from lading.services.registry import Registry
from lading.services.shown.describe import Layer, config_body
from lading.services.shown.families import ManifestFamily, ShownManifest
from lading.system.turns import off_loop


@dataclass(frozen=True, slots=True)
class ComparedImage:
    """One of two images that are compared.

    Attributes:
        shown: as lists show it, with what an index holds.
        layers: the first of them, if there are many.
        size: bytes that are stored of its config and these layers, each once.
    """

    manifest: StoredManifest
    shown: ShownManifest
    layers: Sequence[Layer]
    config: ShownConfig
    size: int


async def look_at_both(
    registry: Registry, grant: Grant, references: Sequence[Reference]
) -> Mapping[Reference, ComparedImage]:
    """The images of tags and digests, without those that are not here; see `pull_manifest`."""
    found = await registry.metadata.manifests.family(grant.repository, references)
    family = ManifestFamily(found)
    manifests: dict[Reference, StoredManifest] = {}
    for reference in references:
        try:
            manifests[reference] = await family.stored(registry, grant, reference)
        except ManifestUnknown:
            continue
    return await _look(registry, grant, family, manifests)


async def _look(
    registry: Registry,
    grant: Grant,
    family: ManifestFamily,
    manifests: Mapping[Reference, StoredManifest],
) -> Mapping[Reference, ComparedImage]:
    contents = {
        reference: await off_loop(len(manifest.body), partial(contents_of, manifest.body))
        for reference, manifest in manifests.items()
    }
    parts = {
        reference: [*said.layers, *([said.config] if said.config else [])]
        for reference, said in contents.items()
    }
    named = [part.digest for each in parts.values() for part in each]
    sizes: Mapping[Digest, int] = {}
    if named:
        sizes = await registry.metadata.links.sizes_here(grant.repository, named)
    images = {}
    for reference, manifest in manifests.items():
        shown, said = family.show(manifest.digest), contents[reference]
        if shown is None:  # it was deleted meanwhile
            continue
        config = said.config
        size = None if config is None else sizes.get(config.digest)
        body = await config_body(registry, grant, config, size)
        images[reference] = ComparedImage(
            manifest,
            shown,
            [Layer(part, sizes.get(part.digest)) for part in said.layers],
            await off_loop(len(body), partial(read_config, body)),
            sum(sizes.get(digest, 0) for digest in {part.digest for part in parts[reference]}),
        )
    return images

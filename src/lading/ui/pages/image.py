"""An image or an artifact: its layers, what it runs, what is about it, its documents as JSON."""

from collections.abc import Sequence
from typing import NamedTuple

from lading.core.digest import Digest
from lading.core.errors import ManifestUnknown
from lading.core.images.summaries import ManifestKind
from lading.core.names import Reference, Tag, parse_reference
from lading.edge.response import Response
from lading.services.pull import pull_manifest
from lading.services.shown.configs import read_text
from lading.services.shown.describe import DescribedImage, Layer, describe
from lading.ui.address import address_of, pull_lines
from lading.ui.context import Visit
from lading.ui.json_text import linked
from lading.ui.pages.repository import artifact_of, may_delete
from lading.ui.rendering import large_page, see_other

# Manifests of an index that are shown.
MOST_CHILDREN = 200


class HistoryLine(NamedTuple):
    """A line of an image's history, with the layer that it made.

    Attributes:
        number: of the layer, from 1; 0 if it made none.
    """

    instruction: str
    number: int
    layer: Layer | None


async def show_tag(visit: Visit) -> Response:
    """The image that a tag points to now."""
    return await _show(visit, _tag(visit.argument))


async def show_digest(visit: Visit) -> Response:
    """The image of a digest."""
    return await _show(visit, Digest(visit.argument))


async def show_manifest(visit: Visit) -> Response:
    """A manifest as JSON."""
    digest = Digest(visit.argument)
    manifest = await pull_manifest(visit.registry, visit.grant, digest)
    return await _document(visit, digest, manifest.body, "Manifest", "manifest")


async def show_config(visit: Visit) -> Response:
    """A configuration, or another small document, as JSON."""
    digest = Digest(visit.argument)
    body = await read_text(visit.registry, visit.grant, digest)
    return await _document(visit, digest, body, "Configuration", "blob")


async def _show(visit: Visit, reference: Reference) -> Response:
    found = await describe(visit.registry, visit.access, visit.grant, reference)
    address = address_of(visit)
    tag = reference if isinstance(reference, Tag) else None
    digest, artifact = found.manifest.digest, artifact_of(found.shown)
    return await large_page(
        visit,
        "image.html",
        reference=reference,
        tag=tag,
        image=found,
        kind=found.shown.kind,
        children=found.shown.children[:MOST_CHILDREN],
        is_image=found.shown.kind is ManifestKind.IMAGE,
        history=_history(found),
        facts=found.facts,
        lines=pull_lines(address, visit.repository, str(reference), artifact),
        digest_lines=pull_lines(address, visit.repository, digest, artifact) if tag else [],
        command=f"{address.crane('manifest', f'{visit.repository}@{digest}')} | jq",
        may_delete=may_delete(visit),
    )


async def _document(visit: Visit, digest: Digest, body: bytes, what: str, command: str) -> Response:
    def link_of(other: Digest) -> str:
        if other == digest:
            return ""
        return visit.path(f"/r/{visit.repository}/-/documents/{other}")

    return await large_page(
        visit,
        "document.html",
        digest=digest,
        what=what,
        pieces=await linked(body, link_of),
        size=len(body),
        command=f"{address_of(visit).crane(command, f'{visit.repository}@{digest}')} | jq",
        immutable=True,
    )


async def show_document(visit: Visit) -> Response:
    """What a digest in a document leads to: an image, or a document; all else is a layer."""
    digest = Digest(visit.argument)
    try:
        await pull_manifest(visit.registry, visit.grant, digest)
    except ManifestUnknown:
        return see_other(visit, f"/r/{visit.repository}/-/config/{digest}")
    return see_other(visit, f"/r/{visit.repository}/-/images/{digest}")


def _tag(text: str) -> Tag:
    reference = parse_reference(text)
    if isinstance(reference, Digest):
        raise ManifestUnknown("", {"reference": text})
    return reference


def _history(image: DescribedImage) -> Sequence[HistoryLine]:
    """The lines of the Dockerfile it came from; its layers, if nothing is said of them."""
    steps, layers = image.config.history, dict[int | None, Layer](enumerate(image.layers))
    if sum(step.layer is not None for step in steps) != image.contents.layer_count:
        return [HistoryLine("", n, layer) for n, layer in enumerate(image.layers, start=1)]
    return [
        HistoryLine(
            step.instruction, 0 if step.layer is None else step.layer + 1, layers.get(step.layer)
        )
        for step in steps
    ]

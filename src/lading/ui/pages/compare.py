"""The difference of two images of a repository: layers, sizes, what they run, and their files."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from lading.core.errors import DigestInvalid, TagInvalid
from lading.core.images.comparison import compare_configs, compare_layers
from lading.core.images.summaries import ManifestKind
from lading.core.names import Reference, parse_reference, parse_wanted, subject_of
from lading.core.versions import natural
from lading.edge.limits import client_of
from lading.edge.response import Response
from lading.metadata.shown.tag_lists import ListedTag
from lading.services.shown import trees
from lading.services.shown.compare_files import compare_files
from lading.services.shown.describe import ComparedImage, Layer, look_at_both
from lading.services.shown.families import ShownManifest
from lading.ui.address import address_of
from lading.ui.context import Visit
from lading.ui.pages.image import MOST_CHILDREN
from lading.ui.pages.inside import path_in
from lading.ui.rendering import large_page, page

# Tags to choose from that are offered, and those of them that take one click.
MOST_OFFERED = 1000
MOST_NEAR = 12
# Files of a directory that are compared for one page.
_MOST_FILES = 300
# Signs of a reference: a digest of SHA-512 has fewer.
_LONGEST = 160
# Seconds until a page that waits loads itself again.
_AGAIN = "3"


class ComparedLayer(NamedTuple):
    """A layer of one of two images, or of both.

    Attributes:
        before, after: its number in each, from 1; 0 where it is not.
    """

    layer: Layer
    before: int
    after: int

    @property
    def state(self) -> str:
        """In a word: `added`, `removed` or `same`."""
        return "same" if self.before and self.after else "added" if self.after else "removed"


class Side(NamedTuple):
    """A side of a comparison: one of its two images.

    Attributes:
        reference: as it was asked for; empty if it was not.
        image: `None` if there is none.
    """

    reference: str
    image: ComparedImage | None


async def show(visit: Visit) -> Response:
    """Two images side by side (`from`, `to`), or a form to choose them."""
    before, after = await _sides(visit)
    tags = await visit.registry.metadata.tags.of_repository(visit.repository, limit=MOST_OFFERED)
    if not tags:
        await visit.registry.metadata.repositories.require(visit.repository)
    tags = sorted(tags, key=lambda tag: natural(tag.name), reverse=True)
    both = None
    if before.image is not None and after.image is not None:
        both = before.image, after.image
    address = address_of(visit)
    platforms = _platforms(*both) if both else []
    return await large_page(
        visit,
        "compare.html",
        before=before,
        after=after,
        names=[tag.name for tag in tags],
        near=_near(tags, before if before.reference else after),
        are_compared=both is not None,
        layers=_layers(*both) if both else [],
        platforms=platforms[:MOST_CHILDREN],
        is_cut=len(platforms) > MOST_CHILDREN,
        configs=list(compare_configs(both[0].config, both[1].config)) if both else [],
        has_index=any(
            side.image is not None and side.image.shown.kind is ManifestKind.INDEX
            for side in (before, after)
        ),
        host=address.host,
        # `lading` takes this machine without HTTPS, as Docker does.
        over="" if address.is_taken else "--plain-http ",
    )


async def show_files(visit: Visit) -> Response:
    """Files of two images (`from`, `to`) below a directory (`path`)."""
    first, second = (visit.asked(name).strip()[:_LONGEST] for name in ("from", "to"))
    path, after = path_in(visit), visit.asked("after")
    client = client_of(visit.request.address)
    one, other = [
        await trees.look(visit.registry, visit.grant, parse_wanted(wanted), client=client)
        for wanted in (first, second)
    ]
    found = None
    is_waiting = one.is_waiting or other.is_waiting
    if not is_waiting:
        found = await compare_files(visit.registry, one, other, path, after=after, most=_MOST_FILES)
        found.files.sort(key=lambda file: (-abs(file.growth), file.path))
    response = page(
        visit,
        "compare-files.html",
        first=first,
        second=second,
        path=path,
        after=after,
        found=found,
        has_files=bool(one.layers and other.layers),
        unknown=sum(not looked.has_files for side in (one, other) for looked in side.layers),
    )
    if is_waiting:
        response.headers = {**response.headers, "Refresh": _AGAIN}
    return response


def _near(tags: Sequence[ListedTag], chosen: Side) -> Sequence[tuple[str, bool]]:
    """Tags of other images, one of each, those before the chosen one first.

    Each with whether it is before that as a version. What is kept beside images is left out.
    """
    digest = None if chosen.image is None else chosen.image.manifest.digest
    own = [at for at, tag in enumerate(tags) if chosen.reference == tag.name]
    own += [at for at, tag in enumerate(tags) if digest == tag.digest]
    at = own[0] if own else 0
    near = {} if digest is None else {digest: ("", False)}
    for tag, is_former in (
        *((tag, True) for tag in tags[at:]),
        *((tag, False) for tag in reversed(tags[:at])),
    ):
        if not subject_of(tag.name):
            near.setdefault(tag.digest, (tag.name, is_former))
    return [(name, is_former) for name, is_former in near.values() if name][:MOST_NEAR]


async def _sides(visit: Visit) -> Sequence[Side]:
    texts = [visit.asked(name).strip() for name in ("from", "to")]
    wanted = [_reference(text) for text in texts]
    known = list(dict.fromkeys(each for each in wanted if each is not None))
    images = await look_at_both(visit.registry, visit.grant, known) if known else {}
    return [
        Side(text, None if reference is None else images.get(reference))
        for text, reference in zip(texts, wanted, strict=True)
    ]


def _reference(text: str) -> Reference | None:
    try:
        return parse_reference(text)
    except (DigestInvalid, TagInvalid):
        return None


def _platforms(
    before: ComparedImage, after: ComparedImage
) -> Sequence[tuple[str, ShownManifest | None, ShownManifest | None]]:
    """The platforms of either, with the image that each has for it.

    Those of the second come first, then those that the first alone has.
    """
    one, other = _by_platform(before), _by_platform(after)
    return [(name, one.get(name), other.get(name)) for name in {**other, **one}]


def _by_platform(image: ComparedImage) -> Mapping[str, ShownManifest]:
    """The first image of each platform of an index; of what is none, itself."""
    if image.shown.kind is not ManifestKind.INDEX:
        return {image.config.platform: image.shown}
    found: dict[str, ShownManifest] = {}
    for child, shown in image.shown.children:
        found.setdefault(child.platform, shown)
    return found


def _layers(before: ComparedImage, after: ComparedImage) -> Sequence[ComparedLayer]:
    layers = {layer.part.digest: layer for layer in (*before.layers, *after.layers)}
    one, other = ([layer.part.digest for layer in image.layers] for image in (before, after))
    return [
        ComparedLayer(
            layers[places.digest],
            0 if places.before is None else places.before + 1,
            0 if places.after is None else places.after + 1,
        )
        for places in compare_layers(one, other)
    ]

"""Volumes of Distribution to adopt, and their adoption."""

from pathlib import Path

from lading.blobs.distribution_volume import DistributionVolume
from lading.blobs.layout import Layout
from lading.services.moving.taking import Adoption
from lading.services.progress import StepProgress
from lading.services.registry import Registry
from tests.support.contents import HELLO, OTHER, image, index
from tests.support.distribution import LONG_AGO, Tree
from tests.support.people import ALICE
from tests.support.progress import Watched

HOUR = 3600.0
OLD, NEW = image(b"old", b"old layer", b"base"), image(b"new", b"new layer", b"base")
MULTI = index([OLD, NEW])
UNTAGGED = image(b"untagged", b"base")
CONTENTS = (b"old", b"old layer", b"base", b"new", b"new layer", b"untagged")


def fill(tree: Tree) -> None:
    """Push as people do: images, an index of them, a tag that moves, an image without a tag."""
    name = str(HELLO)
    for data in CONTENTS:
        tree.layer(name, data)
    for data in CONTENTS[:3]:
        tree.layer(OTHER, data)
    tree.push(name, OLD, "old", "latest", at=LONG_AGO)
    tree.push(name, NEW, "new", "latest", at=LONG_AGO + HOUR)
    tree.push(name, MULTI, "multi", at=LONG_AGO + 2 * HOUR)
    tree.push(name, UNTAGGED, at=LONG_AGO + 3 * HOUR)
    tree.push(OTHER, OLD, "old", at=LONG_AGO + 4 * HOUR)


def adoption_of(
    registry: Registry,
    root: Path,
    progress: StepProgress | None = None,
    *,
    repair: bool = False,
    checksums: bool = False,
) -> Adoption:
    """Return the adoption of a volume in the place where a registry has its files."""
    return Adoption(
        registry,
        DistributionVolume(Layout(root)),
        ALICE,
        "a test",
        progress or Watched(),
        repair=repair,
        checksums=checksums,
    )

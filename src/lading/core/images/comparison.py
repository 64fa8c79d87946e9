"""Comparison of two images: what they run, and the layers of which they are."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lading.core.digest import Digest
from lading.core.images.image_config import ShownConfig


@dataclass(frozen=True, slots=True)
class ImageDifference:
    """A difference of two images.

    Attributes:
        kind: `digest`, `platform`, `config`, `label`, `environment`, `layer`, `file`.
        name: of what differs, such as `entrypoint` or a path; empty for a digest.
        before, after: what it is in each; empty if it is not there.
    """

    kind: str
    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class LayerPlaces:
    """Where a layer is in two images, from 0; `None` where it is not."""

    digest: Digest
    before: int | None
    after: int | None


def compare_configs(before: ShownConfig, after: ShownConfig) -> Iterator[ImageDifference]:
    """The differences of two configurations, fields first, then labels and variables by name."""
    other = after.fields()
    for name, text in before.fields().items():
        if text != other[name]:
            yield ImageDifference("config", name, text, other[name])
    yield from compare_mappings("label", before.labels, after.labels)
    yield from compare_mappings(
        "environment", _variables(before.environment), _variables(after.environment)
    )


def compare_mappings(
    kind: str, before: Mapping[str, str], after: Mapping[str, str]
) -> Iterator[ImageDifference]:
    """The differences of two mappings, by name."""
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield ImageDifference(kind, name, before.get(name, ""), after.get(name, ""))


def compare_layers(before: Sequence[Digest], after: Sequence[Digest]) -> Sequence[LayerPlaces]:
    """All layers of both: those of the second in its order, then those that are gone."""
    first = {digest: place for place, digest in reversed(list(enumerate(before)))}
    new = set(after)
    kept = [LayerPlaces(digest, first.get(digest), place) for place, digest in enumerate(after)]
    gone = [
        LayerPlaces(digest, place, None) for place, digest in enumerate(before) if digest not in new
    ]
    return [*kept, *gone]


def _variables(environment: Sequence[str]) -> Mapping[str, str]:
    return {name: value for name, _, value in (line.partition("=") for line in environment)}

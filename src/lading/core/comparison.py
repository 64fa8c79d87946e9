"""Comparison of two images: what they run, and the layers of which they are."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lading.core.digest import Digest
from lading.core.image_config import ShownConfig

_FIELDS: Mapping[str, str] = {
    "platform": "platform",
    "user": "user",
    "working_directory": "directory",
    "entrypoint": "entrypoint",
    "command": "command",
    "ports": "ports",
    "volumes": "volumes",
    "stop_signal": "stop signal",
    "created": "created",
    "author": "author",
}


@dataclass(frozen=True, slots=True)
class ConfigDifference:
    """A difference of two configurations.

    Attributes:
        kind: `config`, `label` or `environment`.
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


def compare_configs(before: ShownConfig, after: ShownConfig) -> Iterator[ConfigDifference]:
    """The differences of two configurations, fields first, then labels and variables by name."""
    for field, name in _FIELDS.items():
        one, other = (_text(getattr(config, field)) for config in (before, after))
        if one != other:
            yield ConfigDifference("config", name, one, other)
    yield from _mappings("label", before.labels, after.labels)
    yield from _mappings(
        "environment", _variables(before.environment), _variables(after.environment)
    )


def compare_layers(before: Sequence[Digest], after: Sequence[Digest]) -> Sequence[LayerPlaces]:
    """All layers of both: those of the second in its order, then those that are gone."""
    first = {digest: place for place, digest in reversed(list(enumerate(before)))}
    new = set(after)
    kept = [LayerPlaces(digest, first.get(digest), place) for place, digest in enumerate(after)]
    gone = [
        LayerPlaces(digest, place, None) for place, digest in enumerate(before) if digest not in new
    ]
    return [*kept, *gone]


def _text(value: str | Sequence[str]) -> str:
    return value if isinstance(value, str) else " ".join(value)


def _variables(environment: Sequence[str]) -> Mapping[str, str]:
    return {name: value for name, _, value in (line.partition("=") for line in environment)}


def _mappings(
    kind: str, before: Mapping[str, str], after: Mapping[str, str]
) -> Iterator[ConfigDifference]:
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield ConfigDifference(kind, name, before.get(name, ""), after.get(name, ""))

"""Manifests: what one that was read is, and what it needs.

A manifest is stored as the bytes that were pushed and is never rewritten. It is read once, when it
is pushed (see `manifest_document`), to learn what it refers to; that graph is what collection and
referrers work on.
"""

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from lading.core.digest import Digest

# "a registry … SHOULD enforce some limit … of at least 4 megabytes" (distribution-spec, Pushing
# Manifests). Distribution and zot refuse more than 4 MiB too.
DEFAULT_MAX_SIZE = 4 * 1024 * 1024
# Each is looked for, and written down. Docker makes images of at most 127 layers, and indexes have
# an entry for each platform; artifacts of many files have thousands.
DEFAULT_MAX_DESCRIPTORS = 10_000


class EdgeKind(StrEnum):
    """The kinds of references that a manifest has."""

    CONFIG = "config"
    LAYER = "layer"
    MANIFEST = "manifest"


class Edge(msgspec.Struct, frozen=True):
    """An edge: a reference from a manifest to a blob or to another manifest.

    Attributes:
        required: whether it must be present when the manifest is pushed.
        size: in bytes, as the manifest says; `None` if it says so and otherwise.
    """

    kind: EdgeKind
    child: Digest
    size: int | None
    required: bool = True


@dataclass(frozen=True, slots=True)
class WrongSize:
    """A wrong size: what a manifest says of it, and what it is."""

    edge: Edge
    size: int

    def __str__(self) -> str:
        said = "more than one size" if self.edge.size is None else f"{self.edge.size} bytes"
        return f"the manifest says that {self.edge.child} has {said}, but it has {self.size}"


class Manifest(msgspec.Struct, frozen=True):
    """A manifest that was read.

    Attributes:
        artifact_type: the type as the referrers list shows it: the manifest's own, else the media
            type of its config (distribution-spec, Listing Referrers); empty if neither is there.
        subject: the manifest that this one is about; it need not exist.
        annotations: an object of JSON, for the referrers list.
    """

    body: bytes
    digest: Digest
    media_type: str
    artifact_type: str
    subject: Digest | None
    annotations: bytes
    edges: tuple[Edge, ...]

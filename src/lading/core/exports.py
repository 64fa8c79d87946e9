"""Exports: what another registry is to find of this one, as its links say it."""

from collections.abc import Sequence
from dataclasses import dataclass

from lading.core.adoption import AdoptedMove
from lading.core.digest import Digest
from lading.core.names import Tag


@dataclass(frozen=True, slots=True)
class ExportedManifest:
    """A manifest that is exported.

    Attributes:
        key: where it stands among all of its repository.
        size: of its body, in bytes.
        at: when it was pushed, in seconds since the epoch.
    """

    key: int
    digest: Digest
    size: int
    at: float


@dataclass(frozen=True, slots=True)
class ExportedTag:
    """A tag that is exported.

    Attributes:
        moves: to what it pointed to and is still there, each once, the last one to what it points
            to now.
    """

    tag: Tag
    moves: Sequence[AdoptedMove]


@dataclass(slots=True)
class ExportTally:
    """A tally of what an export has written.

    Attributes:
        repositories: that there are.
        blobs, size: whose bytes were brought, manifests among them.
        links: that were written, as they were not there or said something else.
        removed: tags and manifests whose links were removed, as they were deleted here.
    """

    repositories: int = 0
    blobs: int = 0
    size: int = 0
    links: int = 0
    removed: int = 0

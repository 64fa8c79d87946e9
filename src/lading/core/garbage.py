"""Garbage: what a collection removes, and why, in words.

The dry run, the collection itself and the log speak of these values; so what was announced is what
is done, and every item can say why it goes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from lading.core.digest import Digest
from lading.core.immutability import ImmutableTags
from lading.core.names import RepositoryName, Tag, UploadKey
from lading.core.timestamps import utc

# Who puts attachments into the trash, as the history tells it.
COLLECTOR = "garbage collection"


@dataclass(frozen=True, slots=True)
class Criteria:
    """Criteria of a collection: what it may take.

    Attributes:
        now: the time of the collection.
        grace: seconds that something is kept after a client was told that it is there.
        trash_before: what was deleted, or lost its last tag, goes if that was not after this time.
        untagged: whether manifests that no tag leads to go too.
        attachments: whether attachments of manifests that are gone go to the trash.
        immutable: tags that stay, whatever they are of.
        at_most: about how many of each kind to take; `None` for all. Of what falls with a manifest
            the rest is garbage when that is gone.
    """

    now: float
    grace: float
    trash_before: float
    untagged: bool
    at_most: int | None = None
    attachments: bool = False
    immutable: Sequence[ImmutableTags] = ()


class Cause(Enum):
    """The causes for which a manifest is garbage."""

    DELETED = "deleted"
    UNTAGGED = "untagged"


_SINCE = {
    Cause.DELETED: "it was deleted, and is in the trash since",
    Cause.UNTAGGED: "no tag, index or subject leads to it since",
}


@dataclass(frozen=True, slots=True)
class GarbageManifest:
    """A manifest that a collection removes.

    Attributes:
        size: of its body, in bytes.
        since: when it was deleted, or when the last thing that led to it went.
    """

    repository: RepositoryName
    digest: Digest
    size: int
    cause: Cause
    since: float

    @property
    def why(self) -> str:
        """Why the manifest goes, for a person."""
        return f"{_SINCE[self.cause]} {utc(self.since)}"


@dataclass(frozen=True, slots=True)
class OrphanTag:
    """A tag that goes to the trash, with what only it leads to, as what it is attached to is gone.

    Attributes:
        subject: the digest of the manifest that it belongs to, of sha512 its beginning.
        since: when that went.
    """

    repository: RepositoryName
    tag: Tag
    subject: str
    since: float

    @property
    def why(self) -> str:
        """Why the tag goes, for a person."""
        return (
            f"it goes to the trash, as {self.subject}, to which it belongs, is gone"
            f" since {utc(self.since)}"
        )


@dataclass(frozen=True, slots=True)
class GarbageLink:
    """A link that a collection removes: the blob goes out of the repository."""

    repository: RepositoryName
    digest: Digest

    @property
    def why(self) -> str:
        """Why the link goes, for a person."""
        return "no manifest of the repository needs it, and no client was promised it"


@dataclass(frozen=True, slots=True)
class GarbageBlob:
    """A blob that no repository has: a collection removes its bytes.

    Attributes:
        size: in bytes; 0 if it is not known any more.
        interrupted: whether an earlier collection stopped before its bytes were gone.
    """

    digest: Digest
    size: int
    interrupted: bool = False

    @property
    def why(self) -> str:
        """Why the blob goes, for a person."""
        if self.interrupted:
            return "an earlier collection was interrupted before its bytes were gone"
        return "no repository has it"


@dataclass(frozen=True, slots=True)
class ExpiredUpload:
    """An upload whose time is over, with the bytes that it has."""

    upload: UploadKey
    size: int
    since: float

    @property
    def why(self) -> str:
        """Why the upload goes, for a person."""
        return f"nothing was added to it since {utc(self.since)}"


@dataclass(frozen=True, slots=True)
class InterruptedCommit:
    """A commit that a crash interrupted, with the bytes of what was about to be a blob."""

    upload: UploadKey
    size: int
    digest: Digest

    @property
    def why(self) -> str:
        """Why the rest of the commit goes, for a person."""
        return f"a crash came before {self.digest} was a blob"


GarbageItem = (
    GarbageManifest | OrphanTag | GarbageLink | GarbageBlob | ExpiredUpload | InterruptedCommit
)

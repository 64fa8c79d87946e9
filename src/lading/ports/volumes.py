"""The ports of volumes of CNCF Distribution: one that is adopted, and one that an export writes.

What is listed comes in pages, so that a repository of any size fits into memory. The old registry
may write meanwhile: what goes while it is looked for was not there.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

from lading.core.digest import Bytes, Digest
from lading.core.moving import (
    AdoptedMove,
    ExportedManifest,
    ExportedTag,
    FoundLink,
    FoundTag,
    VolumeSurvey,
)
from lading.core.names import Tag


class ForeignVolume(Protocol):
    """The repositories beside the blobs of this registry. Nothing of them is changed.

    Each method raises `Unavailable` if something cannot be read.
    """

    async def survey(self) -> VolumeSurvey:
        """How much there is, by a look at the folders."""

    async def is_cache(self) -> bool:
        """Whether it is what a proxy has of another registry."""

    def repositories(self) -> AsyncIterator[str]:
        """The names of all repositories, in no order, as their folders are called."""

    def layers(self, repository: str) -> AsyncIterator[Sequence[FoundLink]]:
        """The links to blobs of a repository."""

    def revisions(self, repository: str) -> AsyncIterator[Sequence[FoundLink]]:
        """The links to manifests of a repository."""

    def tags(self, repository: str) -> AsyncIterator[Sequence[FoundTag]]:
        """The tags of a repository."""

    async def absent_tags(self, repository: str, names: Sequence[str]) -> Sequence[str]:
        """The tags among these that are not there."""

    async def absent_revisions(self, repository: str, digests: Sequence[str]) -> Sequence[str]:
        """The manifests among these to which there is no link."""

    async def count_uploads(self, repository: str) -> int:
        """How many uploads of a repository are unfinished."""

    async def referred_to(
        self, repositories: Sequence[str], digests: Sequence[Digest]
    ) -> frozenset[Digest]:
        """The blobs among these to which repositories refer; and manifests whose links are kept."""

    async def note_adopted(self, left: Sequence[str]) -> None:
        """Note, durably, that the metadata is the truth from now on.

        Args:
            left: repositories that were not taken over, or not all of them: what these refer to is
                kept as long as they do.
        """


class LinkTarget(Protocol):
    """The volume that an export writes, and that its registry may serve meanwhile.

    Links that are written get their names by `settle`, whole and durable; what is there already and
    says the same is left alone. Each call raises `StorageFull` or `Unavailable` if something cannot
    be written.
    """

    async def keep_links(self) -> None:
        """Have links to manifests keep their bytes from now on, from those who collect here."""

    async def has_bytes(self, digest: Digest, size: int) -> bool:
        """Whether a blob is there, with so many bytes."""

    async def take_file(self, digest: Digest, path: str) -> bool:
        """Have a blob by a hard link to a file; false if there can be none."""

    async def put_bytes(self, digest: Digest, pieces: AsyncIterator[Bytes]) -> None:
        """Have a blob of these bytes; it has no name before they are all there, durably.

        Raises:
            DigestMismatch: these are not its bytes.
        """

    async def link_blobs(self, repository: str, digests: Sequence[Digest]) -> int:
        """Write links to blobs; how many were not there."""

    async def link_manifests(self, repository: str, manifests: Sequence[ExportedManifest]) -> int:
        """Write links to manifests, with the times of their pushes; how many were not there."""

    async def link_index(self, repository: str, tags: Sequence[ExportedTag]) -> int:
        """Write links to what tags have ever pointed to and is linked; how many were not there."""

    async def link_current(self, repository: str, tags: Sequence[ExportedTag]) -> int:
        """Write links to what tags point to, if that is linked; how many said anything else."""

    async def settle(self) -> None:
        """Give all links that were written their names, durably."""

    async def times_of(
        self, repository: str, tags: Sequence[ExportedTag]
    ) -> Mapping[Tag, AdoptedMove]:
        """The digests in links of tags, and when these were written; of those that are there."""

    async def unlink_tags(self, repository: str, tags: Mapping[Tag, str]) -> Sequence[Tag]:
        """Remove tags that point to what is said of each; those that are not there any more."""

    async def unlink_manifests(self, repository: str, digests: Sequence[Digest]) -> None:
        """Remove the links to manifests, and their folders."""
